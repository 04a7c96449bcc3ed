import { createReadStream } from 'node:fs';
import { access } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { failedOnFile, unreadableArchive } from './archive-error.js';
import type { CompressionAlgorithm } from './archive-header.js';
import { SUFFIXES } from './compression.js';
import { decompress } from './decompress.js';

/** A file in the folder of an archive, as it is on disk. */
export interface FolderFile {
  readonly path: string;
  readonly algorithm: CompressionAlgorithm;
}

/**
 * Finds a file whatever it is compressed with: its suffix says it, not the archive's header.
 * Source: InitDiscoverCompressFileHandle() in PostgreSQL's src/bin/pg_dump/compress_io.c.
 *
 * @param name without the suffix
 */
export async function findFileOfFolder(folder: string, name: string): Promise<FolderFile> {
  // The name stands in the archive, which may come from anywhere.
  if (name === '..' || basename(name) !== name) {
    throw unreadableArchive(folder, `it names ${JSON.stringify(name)} as a file in it`);
  }
  for (const algorithm of Object.keys(SUFFIXES) as CompressionAlgorithm[]) {
    const path = join(folder, `${name}${SUFFIXES[algorithm]}`);
    try {
      await access(path);
      return { path, algorithm };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw failedOnFile('read', path, error);
    }
  }
  throw unreadableArchive(
    join(folder, name),
    'there is no such file, nor one with .gz, .lz4 or .zst behind it',
  );
}

/** The content of a file, decompressed. */
export async function* readContent({ path, algorithm }: FolderFile): AsyncGenerator<Buffer> {
  yield* decompress({ path, algorithm, place: 'file', bytes: readBytes(path) });
}

/** All of the content of a file that is known to be small enough. */
export async function readFileOfFolder(
  folder: string,
  name: string,
): Promise<{ path: string; bytes: Buffer }> {
  const file = await findFileOfFolder(folder, name);
  const pieces: Buffer[] = [];
  for await (const piece of readContent(file)) pieces.push(piece);
  return { path: file.path, bytes: Buffer.concat(pieces) };
}

async function* readBytes(path: string): AsyncGenerator<Buffer> {
  try {
    for await (const piece of createReadStream(path, { highWaterMark: 256 * 1024 })) yield piece as Buffer;
  } catch (error) {
    throw failedOnFile('read', path, error);
  }
}
