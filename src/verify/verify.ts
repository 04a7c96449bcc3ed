import { availableParallelism } from 'node:os';
import type { Emit, Event } from '../engine/events.js';
import { describeConnection, parseConnection } from '../postgres/connection-string.js';
import { databaseError } from '../postgres/database-error.js';
import { HyperferryError } from '../postgres/error.js';
import { Session, type Side } from '../postgres/session.js';
import { exportSnapshot } from '../postgres/snapshot.js';
import type { SideAccess } from './compare-context.js';
import { compareDatabases } from './compare-databases.js';
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
  const closing: (() => Promise<void>)[] = [];
  try {
    const source = await holdSnapshot('source', options.source, options.signal, closing);
    const target = await holdSnapshot('target', options.target, options.signal, closing);
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
    const verification = isLogical
      ? await compareLogically({ ...context, since: options.since, until: options.until })
      : await compareDatabases(context);
    options.onEvent?.(endOf(verification));
    return verification;
  } catch (error) {
    if (options.signal?.aborted) throw new HyperferryError('INTERRUPTED', 'interrupted', { cause: error });
    if (error instanceof HyperferryError) throw error;
    throw new HyperferryError('INTERNAL', error instanceof Error ? error.message : String(error), {
      cause: error,
    });
  } finally {
    for (const close of closing) await close();
  }
}

/** @throws HyperferryError `USAGE` for a time that PostgreSQL does not read as one */
async function expectTimes(source: SideAccess, { since, until }: VerifyOptions): Promise<void> {
  const times = [since, until].filter((time) => time !== undefined && !/^-?\d+$/.test(time));
  if (times.length === 0) return;
  const session = await source.open();
  try {
    await session.query(`SELECT ${times.map((_, index) => `$${index + 1}::timestamptz`).join(', ')}`, times);
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

function endOf(verification: Verification): Event {
  const { source, target, mode, equal, rows, relations, logical, objects, seconds } = verification;
  return {
    type: 'verified',
    source,
    target,
    mode,
    equal,
    rows,
    relations: relations.compared,
    differences: relations.different.length + objects.different.length + (logical?.different.length ?? 0),
    seconds,
  };
}

/** A session that holds a snapshot until the end, and the way to more that see the same. */
async function holdSnapshot(
  side: Side,
  url: string,
  signal: AbortSignal | undefined,
  closing: (() => Promise<void>)[],
): Promise<SideAccess> {
  const connection = parseConnection(url);
  signal?.throwIfAborted();
  const session = await Session.open(side, connection);
  closing.push(() => session.close());
  return {
    name: describeConnection(connection),
    open: () => Session.open(side, connection),
    snapshot: await exportSnapshot(session),
  };
}
