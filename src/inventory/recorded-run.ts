import { isAbsolute } from 'node:path';
import { HyperferryError } from '../postgres/error.js';
import type { Session } from '../postgres/session.js';

/** The version of the tables in `_hyperferry`. A run is gone on with by a Hyperferry that knows them. */
export const LEDGER_FORMAT = 2;

/** What a target says about a run of Hyperferry in its schema `_hyperferry`. */
export interface RecordedRun {
  readonly format: number;
  /** `user@host:port/database`, or the path of a dump. */
  readonly source: string;
  readonly startedAt: string;
  readonly attempt: number;
  readonly attemptStartedAt: string;
  /** The stage that it is in, or ended in. */
  readonly stage: string;
  /** What the run last said of itself: one that was killed says `running`. */
  readonly state: 'running' | 'stopped' | 'done';
  /** Why it stopped; empty where it did not. */
  readonly error: string;
  /** Whether a coordinator is at work on it now. */
  readonly isUnderWay: boolean;
}

/** The session of a run's coordinator holds this advisory lock for as long as the run is under way. */
export const COORDINATOR_LOCK = [0x68797065, 1] as const;

/** SQL that says whether a session holds that lock. */
export const IS_UNDER_WAY = `EXISTS (
  SELECT FROM pg_catalog.pg_locks l
  WHERE l.locktype = 'advisory' AND l.granted
    AND l.classid = ${COORDINATOR_LOCK[0]}::pg_catalog.oid AND l.objid = ${COORDINATOR_LOCK[1]}::pg_catalog.oid
    AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()))`;

/** Where there is none, anybody may. */
const MAY_READ_RUN = `
SELECT COALESCE(pg_catalog.bool_and(pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT')), true) AS may
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = '_hyperferry' AND c.relname = 'run'`;

/** `to_jsonb`, since the tables of another format may have other columns. */
const READ_RUN = `
SELECT pg_catalog.to_jsonb(r) AS run, ${IS_UNDER_WAY} AS "isUnderWay" FROM _hyperferry.run r`;

/** By the catalog alone: the ledger itself is its role's to read. */
const HAS_LEDGER = `
SELECT EXISTS (
  SELECT FROM pg_catalog.pg_attribute a
  JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = '_hyperferry' AND c.relname = 'run' AND a.attname = 'source_identity') AS has`;

/** Whether the schema `_hyperferry` is a ledger, of whatever format, and not a user's own schema. */
export async function hasLedger(session: Session): Promise<boolean> {
  return (await session.one<{ has: boolean }>(HAS_LEDGER)).has;
}

/**
 * The run that a target holds in the schema `_hyperferry`, if any.
 *
 * @throws HyperferryError `PRIVILEGE` when it is another role's
 */
export async function readRecordedRun(session: Session): Promise<RecordedRun | undefined> {
  const { may } = await session.one<{ may: boolean }>(MAY_READ_RUN);
  if (!may) {
    throw new HyperferryError(
      'PRIVILEGE',
      'expected a role that may read the run on the target, in its schema _hyperferry, but this one may not',
      { hint: 'Connect to the target as the role that the run was begun with.' },
    );
  }
  const { exists } = await session.one<{ exists: boolean }>(
    `SELECT pg_catalog.to_regclass('_hyperferry.run') IS NOT NULL AS exists`,
  );
  if (!exists) return undefined;
  const [row] = await session.query<{ run: Record<string, unknown>; isUnderWay: boolean }>(READ_RUN);
  if (!row) return undefined;
  const text = (name: string): string => String(row.run[name] ?? '');
  return {
    format: Number(row.run.format ?? 0),
    source: text('source'),
    startedAt: text('started_at'),
    attempt: Number(row.run.attempt ?? 0),
    attemptStartedAt: text('attempt_started_at'),
    stage: text('stage'),
    state: text('state') === 'done' ? 'done' : text('state') === 'stopped' ? 'stopped' : 'running',
    error: text('error'),
    isUnderWay: row.isUnderWay,
  };
}

/** The command that a run was begun with. */
export function commandOf({ source }: Pick<RecordedRun, 'source'>): 'migrate' | 'restore' {
  return isAbsolute(source) ? 'restore' : 'migrate';
}
