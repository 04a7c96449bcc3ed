import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { HyperferryError } from '../postgres/error.js';
import { compareDatabases } from '../verify/compare-databases.js';
import { comparingHeld } from '../verify/held-sides.js';
import type { Verification } from '../verify/verification.js';
import type { VerifyOptions } from '../verify/verify.js';
import { dumpPath } from './dump-path.js';
import { OBJECTS_FILE } from './objects-file.js';
import { expectFiles, openManifest } from './open-dump.js';
import { RECORD_FILE, readRecord } from './record-file.js';

/** What `verify` is asked with a dump for a source, which holds no rows that could be asked for more. */
export interface VerifyDumpOptions
  extends Pick<VerifyOptions, 'target' | 'mode' | 'tables' | 'jobs' | 'signal' | 'onEvent'> {
  /** The folder of a dump, an archive or a plain one. */
  readonly source: string;
}

/**
 * Compares a database with what a dump has noted of its source: rows by their numbers and checksums, and definitions,
 * catalogs, sequences, roles and large objects. The database is read as of one snapshot, and nothing is changed. A dump
 * that only counted rows is compared by their numbers, whatever mode is asked for; the result says which it was.
 *
 * @throws HyperferryError when it cannot be told whether they are equal: `ARCHIVE` for a dump without a manifest
 *
 * @example
 * const { equal, mode } = await verifyDump({ source: '/backup/tsdb', target: 'postgresql://new/tsdb' });
 */
export async function verifyDump(options: VerifyDumpOptions): Promise<Verification> {
  return comparingHeld(options, async (hold) => {
    const path = dumpPath(options.source);
    const { files } = await openManifest(path);
    await expectFiles(
      path,
      files.filter(({ name }) => name === RECORD_FILE || name === OBJECTS_FILE),
      () => true,
    );
    const { side } = await readRecord(path);
    return compareDatabases({
      source: { ...side, name: `${path}, a dump of ${side.name}` },
      target: await hold('target', options.target),
      mode: options.mode ?? 'checksums',
      jobs: options.jobs ?? availableParallelism(),
      tables: options.tables,
      ...(options.onEvent ? { emit: options.onEvent } : {}),
      signal: options.signal,
    });
  });
}

/**
 * Whether a source is named that is a dump, and not a database: something on disk. A path that begins as one is told to be
 * missing; any other text may be a connection string with a secret in it, and is read as such, if it can be one.
 *
 * @throws HyperferryError `USAGE` for what is neither
 */
export async function namesDump(source: string): Promise<boolean> {
  if (/^\.{0,2}\//.test(source)) return true;
  const isThere = await stat(source).then(
    () => true,
    () => false,
  );
  if (isThere || /=|:\/\//.test(source)) return isThere;
  throw new HyperferryError(
    'USAGE',
    'expected --source to name a database or a dump, but it is no connection string, and nothing of that name is there',
    {
      hint: 'A database is named as postgresql://user@host:port/database or name=value pairs, a dump by its path: /backup/tsdb',
    },
  );
}
