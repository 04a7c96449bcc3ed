import { randomUUID } from 'node:crypto';
import type { Session } from '../postgres/session.js';

/** What tells whether the rows of relations have changed between two readings. */
export interface ChangeCounters {
  /**
   * Of a relation, by its OID: the same text later means that no row was inserted, updated or deleted since, and no column
   * added.
   */
  of(oid: number): string;
  /** Of all large objects together. */
  readonly largeObjects: string;
  /** When the server began to count: another one later means that it lost what it had counted. */
  readonly epoch: string;
}

/** `pg_largeobject` and `pg_largeobject_metadata`, whose OIDs never change (src/include/catalog). */
const LARGE_OBJECT_CATALOGS = [2613, 2995];

/**
 * The counters are cumulative, and lost when the server crashes or somebody resets them. Both moments are told: a
 * crash resets the archiver's counters as well, and `pg_stat_reset()` notes when in the database's row. A standby counts
 * nothing of what it replays.
 * Source: pgstat_reset_after_failure() in src/backend/utils/activity/pgstat.c.
 */
const READ_EPOCH = `
SELECT pg_catalog.concat_ws(' ', (SELECT stats_reset FROM pg_catalog.pg_stat_archiver), d.stats_reset) AS since,
       pg_catalog.current_setting('track_counts')::boolean AND NOT pg_catalog.pg_is_in_recovery() AS counts
FROM pg_catalog.pg_stat_database d WHERE d.datname = pg_catalog.current_database()`;

/**
 * With the number of columns that the relation ever had: one that is added with a default changes all rows and counts none.
 * Where it is made in place of a dropped one of its name, neither the definition's text nor the file node tells.
 */
const READ_COUNTERS = `
SELECT c.oid::int8 AS oid,
       pg_catalog.concat_ws(' ', pg_catalog.pg_stat_get_tuples_inserted(c.oid),
                            pg_catalog.pg_stat_get_tuples_updated(c.oid),
                            pg_catalog.pg_stat_get_tuples_deleted(c.oid), c.relnatts) AS counters
FROM pg_catalog.pg_class c
WHERE c.relkind = 'r' AND (c.oid >= 16384 OR c.oid = ANY ($1::oid[]))`;

/**
 * Reads the counters. A session adds to them after it has committed, so that counters read before a snapshot is
 * taken count no row that the snapshot does not see.
 */
export async function readChangeCounters(session: Session): Promise<ChangeCounters> {
  const counters = new Map<number, string>();
  const [{ since, counts }] = await Promise.all([
    session.one<{ since: string; counts: boolean }>(READ_EPOCH),
    session.each<{ oid: string; counters: string }>(
      READ_COUNTERS,
      (row) => counters.set(Number(row.oid), row.counters),
      [LARGE_OBJECT_CATALOGS],
    ),
  ]);
  // Where the server does not count, every reading differs from every other.
  const epoch = counts ? since : randomUUID();
  const of = (oid: number): string => `${epoch} ${counters.get(oid) ?? 'none'}`;
  return { of, largeObjects: LARGE_OBJECT_CATALOGS.map(of).join(' '), epoch };
}

/**
 * A session adds to the counters when it becomes idle, unless it did so less than a second before, and when it has been
 * idle for ten (`PGSTAT_MIN_INTERVAL` and `PGSTAT_IDLE_INTERVAL` in src/backend/utils/activity/pgstat.c, PostgreSQL 15 and
 * newer).
 */
export const COUNTERS_LAG_SECONDS = 11;

/**
 * Other sessions that may write rows: of clients, of subscriptions, and of TimescaleDB's jobs, which are named by what they do
 * and their number. Of others' sessions, a role without rights sees neither kind nor state. The server's process of the
 * pg_dump that has just read the definitions may outlive it by a moment; it writes nothing.
 */
const OTHERS = `
FROM pg_catalog.pg_stat_activity
WHERE datname = pg_catalog.current_database() AND application_name NOT IN ('hyperferry', 'pg_dump') AND pid <> ALL ($2::int[])
  AND (backend_type IS NULL OR backend_type = 'client backend' OR backend_type ~ '^logical replication .*worker$'
       OR backend_type ~ ' \\[\\d+\\]$')`;

const READ_RECENTLY_ACTIVE = `
SELECT EXISTS (
  SELECT ${OTHERS}
    AND (state IS DISTINCT FROM 'idle' OR state_change > pg_catalog.now() - $1 * interval '1 second')) AS active`;

/**
 * Whether other sessions of the database may have changed rows that the counters do not tell of yet.
 * @param ours the process ids of the run's own sessions
 */
export async function mayLag(session: Session, ours: readonly number[]): Promise<boolean> {
  const { active } = await session.one<{ active: boolean }>(READ_RECENTLY_ACTIVE, [
    COUNTERS_LAG_SECONDS,
    ours,
  ]);
  return active;
}

const READ_BUSY = `
SELECT pid ${OTHERS}
  AND state IS DISTINCT FROM 'idle'
  AND (backend_start IS NULL OR backend_start < pg_catalog.now() - $1 * interval '1 second')
ORDER BY pid`;

/**
 * The sessions that were there before the lag, and are in a transaction or a command. What they have committed before, by another
 * transaction or on the command's way (`CALL`, `DO`, `COMMIT AND CHAIN`), may be counted only when they are idle.
 */
export async function readBusySessions(session: Session, ours: readonly number[]): Promise<number[]> {
  const rows = await session.query<{ pid: number }>(READ_BUSY, [COUNTERS_LAG_SECONDS, ours]);
  return rows.map(({ pid }) => pid);
}

/** Counters that say of no relation that it is as it was. */
export function unknownChanges(): ChangeCounters {
  const epoch = randomUUID();
  return { of: () => epoch, largeObjects: epoch, epoch };
}
