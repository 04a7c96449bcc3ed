import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { constants, gunzip, gzip } from 'node:zlib';
import { z } from 'zod';
import { fromJson, toJson } from '../inventory/json.js';
import { failedOnFile, unreadableArchive } from '../postgres/archive/archive-error.js';
import type { DumpRecord } from './dump-record.js';
import { readObjects } from './objects-file.js';

/** JSON, as `toJson` writes it, compressed. The objects that it has the sums of are in a file of their own. */
export const RECORD_FILE = 'record.json.gz';

/** @returns the content of the file */
export function writeRecord(record: DumpRecord): Promise<Buffer> {
  return promisify<string, { level: number }, Buffer>(gzip)(toJson(record), {
    level: constants.Z_BEST_SPEED,
  });
}

/** As far as it tells a record from other JSON. */
const RECORD = z.looseObject({
  side: z.looseObject({
    name: z.string(),
    inventory: z.looseObject({ relations: z.array(z.unknown()), extensions: z.array(z.unknown()) }),
    columns: z.instanceof(Map),
    chunksOfCompressed: z.instanceof(Map),
    totals: z.instanceof(Map),
  }),
  plainChunks: z.instanceof(Set),
  features: z.looseObject({}),
  sequenceValues: z.array(z.unknown()),
  jobStarts: z.array(z.unknown()),
  rolePasswords: z.instanceof(Map),
  leftOut: z.array(z.unknown()),
});

/**
 * Reads what a dump knows of its source. Its file is one that the manifest names: compare it first.
 * @throws HyperferryError `ARCHIVE` for a file that is not there, or is no record
 */
export async function readRecord(path: string): Promise<DumpRecord> {
  const file = join(path, RECORD_FILE);
  const record = await readJson(file);
  const [issue] = RECORD.safeParse(record).error?.issues ?? [];
  if (issue) throw unreadableArchive(file, `${issue.path.join('.')}: ${issue.message}`);
  const known = record as DumpRecord;
  const { objects, inventory } = known.side;
  const read = (queries: ReadonlySet<string>) => readObjects(path, queries);
  return {
    ...known,
    side: {
      ...known.side,
      // Dumps of the same format may be older than the field.
      inventory: { ...inventory, ownJobs: inventory.ownJobs ?? [] },
      objects: objects && { ...objects, read },
    },
  };
}

async function readJson(file: string): Promise<unknown> {
  const bytes = await readFile(file).catch((error: unknown) => {
    throw failedOnFile('read', file, error);
  });
  try {
    return fromJson<unknown>((await promisify(gunzip)(bytes)).toString('utf8'));
  } catch (error) {
    throw unreadableArchive(file, (error as Error).message, { cause: error });
  }
}
