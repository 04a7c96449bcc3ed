import { pipeline } from 'node:stream/promises';
import { HyperferryError } from '../error.js';
import { unreadableArchive } from './archive-error.js';
import type { CompressionAlgorithm } from './archive-header.js';
import { startDecompression } from './compression.js';
import { outputOf } from './conversion.js';

/** Compressed bytes, where they come from, and what of an archive they are. */
export interface CompressedBytes {
  readonly path: string;
  readonly algorithm: CompressionAlgorithm;
  readonly place: 'file' | 'blocks';
  readonly bytes: AsyncIterable<Buffer>;
}

/**
 * Decompresses bytes as they come, no faster than they are taken.
 * @throws HyperferryError `ARCHIVE` for damaged bytes, with the file's name; and what reading the bytes throws
 */
export async function* decompress({
  path,
  algorithm,
  place,
  bytes,
}: CompressedBytes): AsyncGenerator<Buffer> {
  if (algorithm === 'none') {
    yield* bytes;
    return;
  }
  const source = bytes[Symbol.asyncIterator]();
  const first = await source.next();
  // So is pg_dump's lz4 file of an empty large object: its header comes with the first write (compress_lz4.c).
  if (first.done) return;
  const failures: unknown[] = [];
  const conversion = startDecompression(algorithm, place);
  const written = pipeline(rest(first.value, source, failures), conversion.input).catch(() => {});
  try {
    for await (const piece of outputOf(conversion)) yield piece;
    await written;
    if (failures.length > 0) throw failures[0];
  } catch (error) {
    // What is wrong with the source comes before what the conversion says of the part of it that it got.
    throw damaged(path, failures[0] ?? error);
  } finally {
    conversion.stop();
    await written;
    await source.return?.();
  }
}

async function* rest(
  first: Buffer,
  source: AsyncIterator<Buffer>,
  failures: unknown[],
): AsyncGenerator<Buffer> {
  try {
    yield first;
    for (let next = await source.next(); !next.done; next = await source.next()) yield next.value;
  } catch (error) {
    failures.push(error);
    throw error;
  }
}

function damaged(path: string, cause: unknown): HyperferryError {
  if (cause instanceof HyperferryError) return cause;
  return unreadableArchive(path, `its content cannot be decompressed: ${(cause as Error).message}`, {
    cause,
  });
}
