import { resolve } from 'node:path';
import { fingerprint } from '../engine/done.js';
import { moveFrom } from '../migrate/migrate.js';
import type { RunOptions } from '../migrate/options.js';
import type { Outcome } from '../migrate/outcome.js';
import { type Archive, openArchive } from '../postgres/archive/open-archive.js';
import { HyperferryError } from '../postgres/error.js';
import { dumpOrigin, type RestoredDump } from './dump-origin.js';
import { kindOfDump } from './kind-of-dump.js';
import { openDump } from './open-dump.js';
import { stockRecord } from './stock-record.js';

/** What `restore` is asked to do. */
export interface RestoreOptions extends RunOptions {
  /** The folder of a dump of Hyperferry, or an archive of `pg_dump`: a folder (`-Fd`) or a file (`-Fc`). */
  readonly from: string;
  /** Compare the SHA-256 of every file before anything is changed. Default: no, sizes alone. */
  readonly checkFiles?: boolean | undefined;
}

/**
 * Restores a dump into an empty database. What an archive of `pg_dump` does not hold, a restore cannot bring: roles, and
 * properties of the database; and without checksums nothing is compared.
 *
 * @throws HyperferryError. Where something was changed by then, the error's hint says what state the target is in and how
 *   to go on; until the checks are passed nothing is.
 *
 * @example
 * const { rows, seconds } = await restore({ from: '/backup/tsdb', target: 'postgresql://new/tsdb' });
 */
export async function restore(options: RestoreOptions): Promise<Outcome> {
  const dump = await openForRestore(options);
  return moveFrom(dumpOrigin(dump), dump.isStock ? { ...options, verify: 'none' } : options);
}

async function openForRestore({ from, checkFiles }: RestoreOptions): Promise<RestoredDump> {
  const path = resolve(from);
  if ((await kindOfDump(path)) === 'hyperferry') {
    const { manifest, archive, record } = await openDump(path, checkFiles);
    const { id: identity, source } = manifest;
    return { name: path, identity, archive, record, bytes: source.bytes, isStock: false };
  }
  if (checkFiles) {
    throw new HyperferryError(
      'USAGE',
      `expected a dump with a manifest for --check-files, but ${path} has none`,
      {
        hint: 'Leave it away: pg_dump notes no checksums.',
      },
    );
  }
  const archive = await openArchive(path);
  const record = await stockRecord(archive);
  const bytes = record.side.inventory.relations.reduce((sum, relation) => sum + relation.bytes, 0);
  return { name: path, identity: identityOf(archive), archive, record, bytes, isStock: true };
}

/** When it was made, and what it holds. */
function identityOf({ header, entries }: Archive): string {
  const contents = entries.map(({ dumpId, kind, schema, tag }) =>
    [dumpId, kind, schema ?? '', tag].join(' '),
  );
  return fingerprint('archive', JSON.stringify(header), ...contents);
}
