import { createReadStream, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { failedOnFile, unreadableArchive } from './archive-error.js';
import type { CompressionAlgorithm } from './archive-header.js';
import { SUFFIXES } from './compression.js';
import { decompress } from './decompress.js';

/** A file in the folder of an archive, as it is on disk. */
export interface FolderFile {
  readonly path: string;
  readonly algorithm: CompressionAlgorithm;
  /** As it is on disk, compressed. */
  readonly bytes: number;
}

/** A file that is no larger is read at once: promises and streams take longer than it does, and small chunks are many. */
const AT_ONCE_BYTES = 64 * 1024;

/** A file of that size may hold a thousand times as much. */
const AT_ONCE_CONTENT_BYTES = 4 * 1024 ** 2;

/**
 * Finds a file whatever it is compressed with: its suffix says it, not the archive's header.
 * Source: InitDiscoverCompressFileHandle() in PostgreSQL's src/bin/pg_dump/compress_io.c.
 *
 * @param name without the suffix
 */
export function findFileOfFolder(folder: string, name: string): FolderFile {
  // The name stands in the archive, which may come from anywhere.
  if (name === '..' || basename(name) !== name) {
    throw unreadableArchive(folder, `it names ${JSON.stringify(name)} as a file in it`);
  }
  for (const algorithm of Object.keys(SUFFIXES) as CompressionAlgorithm[]) {
    const path = join(folder, `${name}${SUFFIXES[algorithm]}`);
    try {
      const found = statSync(path, { throwIfNoEntry: false });
      if (found) return { path, algorithm, bytes: found.size };
    } catch (error) {
      throw failedOnFile('read', path, error);
    }
  }
  throw unreadableArchive(
    join(folder, name),
    'there is no such file, nor one with .gz, .lz4 or .zst behind it',
  );
}

/** The content of a file, decompressed. */
export async function* readContent(file: FolderFile): AsyncGenerator<Buffer> {
  const { path, algorithm } = file;
  const content = contentAtOnce(file);
  if (content) yield content;
  else yield* decompress({ path, algorithm, place: 'file', bytes: readBytes(path) });
}

/** Nothing where the file is not small, or what it holds is not, or cannot be decompressed: the stream tells why. */
function contentAtOnce({ path, algorithm, bytes }: FolderFile): Buffer | undefined {
  if (bytes > AT_ONCE_BYTES || (algorithm !== 'none' && algorithm !== 'gzip')) return undefined;
  const content = readAtOnce(path);
  if (algorithm === 'none') return content;
  try {
    return gunzipSync(content, { maxOutputLength: AT_ONCE_CONTENT_BYTES });
  } catch {
    return undefined;
  }
}

/** All of the content of a file that is known to be small enough. */
export async function readFileOfFolder(
  folder: string,
  name: string,
): Promise<{ path: string; bytes: Buffer }> {
  const file = findFileOfFolder(folder, name);
  const pieces: Buffer[] = [];
  for await (const piece of readContent(file)) pieces.push(piece);
  return { path: file.path, bytes: Buffer.concat(pieces) };
}

function readAtOnce(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw failedOnFile('read', path, error);
  }
}

async function* readBytes(path: string): AsyncGenerator<Buffer> {
  try {
    for await (const piece of createReadStream(path, { highWaterMark: 256 * 1024 })) yield piece as Buffer;
  } catch (error) {
    throw failedOnFile('read', path, error);
  }
}
