import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { failedOnFile } from '../postgres/archive/archive-error.js';
import type { WrittenFile } from '../postgres/archive/data-file.js';

/** Reads a file, for its size and its SHA-256. */
export async function fileOnDisk(folder: string, name: string): Promise<WrittenFile> {
  const path = join(folder, name);
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    for await (const piece of createReadStream(path, { highWaterMark: 1024 ** 2 })) {
      hash.update(piece);
      bytes += piece.length;
    }
  } catch (error) {
    throw failedOnFile('read', path, error);
  }
  return { name, bytes, sha256: hash.digest('hex') };
}
