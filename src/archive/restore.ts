import { moveFrom } from '../migrate/migrate.js';
import type { RunOptions } from '../migrate/options.js';
import type { Outcome } from '../migrate/outcome.js';
import { dumpOrigin } from './dump-origin.js';
import { openDump } from './open-dump.js';

/** What `restore` is asked to do. */
export interface RestoreOptions extends RunOptions {
  /** The folder of the dump. */
  readonly from: string;
  /** Compare the SHA-256 of every file before anything is changed. Default: no, sizes alone. */
  readonly checkFiles?: boolean | undefined;
}

/**
 * Restores a dump into an empty database.
 *
 * @throws HyperferryError. Where something was changed by then, the error's hint says what state the target is in and how
 *   to go on; until the checks are passed nothing is.
 *
 * @example
 * const { rows, seconds } = await restore({ from: '/backup/tsdb', target: 'postgresql://new/tsdb' });
 */
export async function restore(options: RestoreOptions): Promise<Outcome> {
  const { path, manifest, archive, record } = await openDump(options.from, options.checkFiles);
  const { id: identity, source } = manifest;
  return moveFrom(dumpOrigin({ name: path, identity, archive, record, bytes: source.bytes }), options);
}
