import { availableParallelism } from 'node:os';
import type { Emit } from '../engine/events.js';
import { databaseError } from '../postgres/database-error.js';
import { HyperferryError } from '../postgres/error.js';
import type { SideAccess } from './compare-context.js';
import { compareDatabases } from './compare-databases.js';
import { comparingHeld } from './held-sides.js';
import { compareLogically } from './logical/compare-logically.js';
import type { Verification, VerifyMode } from './verification.js';

export interface VerifyOptions {
  /** Connection string of the database that is the standard. */
  readonly source: string;
  readonly target: string;
  /** Checksums unless said. */
  readonly mode?: VerifyMode | undefined;
  /** Compare tables and hypertables through SQL, whatever their chunks are. */
  readonly logical?: boolean | undefined;
  /** Only tables of this name: `*` and `?` stand for any; with or without a schema. Chunks go with their hypertable. */
  readonly tables?: string | undefined;
  /** Only rows of hypertables from this time on, and before that one; as PostgreSQL reads it. Implies `logical`. */
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  /** Workers on each side; one a core unless said. */
  readonly jobs?: number | undefined;
  /** How many differing rows of a relation are shown; 10 unless said. */
  readonly rows?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: Emit | undefined;
}

/**
 * Proves two databases equal, or names what differs. Each side is read as of one snapshot; nothing is changed on
 * either, and no lock above ACCESS SHARE is taken.
 *
 * @throws HyperferryError when it cannot be told whether they are equal
 *
 * @example
 * const { equal, relations } = await verify({ source: 'postgresql://old/tsdb', target: 'postgresql://new/tsdb' });
 * if (!equal) console.log(relations.different);
 */
export async function verify(options: VerifyOptions): Promise<Verification> {
  return comparingHeld(options, async (hold) => {
    const source = await hold('source', options.source);
    const target = await hold('target', options.target);
    const isLogical = options.logical || options.since !== undefined || options.until !== undefined;
    await expectTimes(source, options);
    const context = {
      source,
      target,
      mode: options.mode ?? 'checksums',
      jobs: options.jobs ?? availableParallelism(),
      examples: options.rows ?? 10,
      tables: options.tables,
      ...(options.onEvent ? { emit: options.onEvent } : {}),
      signal: options.signal,
    };
    return isLogical
      ? compareLogically({ ...context, since: options.since, until: options.until })
      : compareDatabases(context);
  });
}

/** @throws HyperferryError `USAGE` for a time that PostgreSQL does not read as one, and for one that is before its begin */
async function expectTimes(source: SideAccess, { since, until }: VerifyOptions): Promise<void> {
  const [begin, end] = [since, until].map((time) =>
    /^-?\d+$/.test(time ?? '') ? BigInt(time ?? '') : undefined,
  );
  if (begin !== undefined && end !== undefined && begin >= end) throw nothingBetween(since, until);
  const times = [since, until].filter((time) => time !== undefined && !/^-?\d+$/.test(time));
  if (times.length === 0) return;
  const session = await source.open();
  try {
    const given = times.map((_, index) => `$${index + 1}::timestamptz`);
    const { rising } = await session.one<{ rising: boolean }>(
      `SELECT ${given.length === 2 ? given.join(' < ') : `${given[0]} IS NOT NULL`} AS rising`,
      times,
    );
    if (!rising) throw nothingBetween(since, until);
  } catch (error) {
    const refusal = databaseError(error);
    if (!refusal) throw error;
    throw new HyperferryError('USAGE', `expected times in --since and --until: ${refusal.message}`, {
      hint: 'For example --since 2024-01-01 or --since "2024-01-01 12:00+00"; a whole number for a hypertable by integers.',
    });
  } finally {
    await session.close();
  }
}

function nothingBetween(since: string | undefined, until: string | undefined): HyperferryError {
  return new HyperferryError('USAGE', `expected --until after --since, but ${since} and ${until} came`, {
    hint: 'Rows from --since on and before --until are compared.',
  });
}
