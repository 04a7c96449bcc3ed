import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { constants, gunzip, gzip } from 'node:zlib';
import { fromJson, toJson } from '../inventory/json.js';
import { failedOnFile, unreadableArchive } from '../postgres/archive/archive-error.js';
import type { RecordedAreas } from '../verify/side-record.js';
import type { DumpRecord } from './dump-record.js';

/**
 * Two lines of JSON, as `toJson` writes it, compressed: the record, and the objects that only a comparison asks for: of
 * 5,000 chunks, 10 of 17 MB.
 */
export const RECORD_FILE = 'record.json.gz';

/** @returns the content of the file */
export async function writeRecord({ side, ...rest }: DumpRecord): Promise<Buffer> {
  const { readObjects, ...known } = side;
  const objects = (await readObjects?.()) ?? [];
  const lines = `${toJson({ ...rest, side: known })}\n${toJson(objects)}\n`;
  return promisify<string, { level: number }, Buffer>(gzip)(lines, { level: constants.Z_BEST_SPEED });
}

/**
 * Reads what a dump knows of its source. Its file is one that the manifest names: compare it first.
 * @throws HyperferryError `ARCHIVE`, here or for its objects, for a file that is not there, or is no record
 */
export async function readRecord(path: string): Promise<DumpRecord> {
  const file = join(path, RECORD_FILE);
  const record = await readLine<DumpRecord>(file, 0);
  const readObjects = (): Promise<RecordedAreas> => readLine(file, 1);
  return { ...record, side: { ...record.side, readObjects } };
}

async function readLine<T>(file: string, at: 0 | 1): Promise<T> {
  const bytes = await readFile(file).catch((error: unknown) => {
    throw failedOnFile('read', file, error);
  });
  try {
    const lines = await promisify(gunzip)(bytes);
    const end = lines.indexOf('\n');
    return fromJson<T>((at === 0 ? lines.subarray(0, end) : lines.subarray(end + 1)).toString('utf8'));
  } catch (error) {
    throw unreadableArchive(file, (error as Error).message, error);
  }
}
