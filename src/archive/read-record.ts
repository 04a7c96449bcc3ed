import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { fromJson } from '../inventory/json.js';
import { failedOnFile, unreadableArchive } from '../postgres/archive/archive-error.js';
import { type DumpRecord, RECORD_FILE } from './dump-record.js';

/**
 * Reads what a dump knows of its source. Its file is one that the manifest names: compare it first.
 * @throws HyperferryError `ARCHIVE` for a file that is not there, or is no record
 */
export async function readRecord(path: string): Promise<DumpRecord> {
  const file = join(path, RECORD_FILE);
  const bytes = await readFile(file).catch((error: unknown) => {
    throw failedOnFile('read', file, error);
  });
  try {
    return fromJson<DumpRecord>((await promisify(gunzip)(bytes)).toString('utf8'));
  } catch (error) {
    throw unreadableArchive(file, (error as Error).message, error);
  }
}
