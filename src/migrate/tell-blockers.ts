import type { Emit } from '../engine/events.js';
import { inSession, type Session, type Side } from '../postgres/session.js';

const LOOK_MILLISECONDS = 10_000;

/**
 * Whom sessions wait for: those that are named, and others of the run, which have ways of their own to the server. What other
 * roles' sessions do since when is not for everyone to see.
 */
const READ_BLOCKERS = `
WITH waiter AS MATERIALIZED (
  SELECT pid FROM pg_catalog.pg_stat_activity
  WHERE datname = pg_catalog.current_database() AND (pid = ANY ($1) OR application_name = 'hyperferry')
)
SELECT pg_catalog.format('process %s (%s)', a.pid, pg_catalog.concat_ws(', ', a.usename, NULLIF(a.application_name, ''),
                         'since ' || a.xact_start::timestamp(0))) AS name
FROM pg_catalog.pg_stat_activity a
WHERE a.pid IN (SELECT pg_catalog.unnest(pg_catalog.pg_blocking_pids(pid)) FROM waiter)
UNION
-- A prepared transaction has no process: it is found by what it has locked, and named by its id, which it has locked as well.
SELECT pg_catalog.format('prepared transaction %L (%s, since %s)', p.gid, p.owner, p.prepared::timestamp(0))
FROM pg_catalog.pg_locks w
JOIN pg_catalog.pg_locks h ON h.locktype = w.locktype AND h.database = w.database AND h.relation = w.relation
JOIN pg_catalog.pg_locks x ON x.virtualtransaction = h.virtualtransaction AND x.pid IS NULL
JOIN pg_catalog.pg_prepared_xacts p ON p.transaction = x.transactionid
WHERE w.pid IN (SELECT pid FROM waiter) AND NOT w.granted AND h.granted AND h.pid IS NULL
  AND 0 = ANY (pg_catalog.pg_blocking_pids(w.pid))
ORDER BY 1`;

/**
 * Runs `work`, and tells who holds the locks that its sessions wait for: they wait without end, and without a word. Somebody who
 * has altered a table and not committed keeps even those out who read the size of it.
 *
 * @param sessions that `work` has open by now
 */
export async function tellingBlockers<T>(
  { emit, sessions }: { readonly emit: Emit; readonly sessions: () => Iterable<Session> },
  work: () => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const told = new Set<string>();
  const look = async (side: Side): Promise<void> => {
    const blockers = await readBlockers(
      [...sessions()].filter((session) => session.side === side),
      over.signal,
    );
    const names = blockers.filter((name) => !told.has(name));
    if (names.length === 0 || over.signal.aborted) return;
    for (const name of names) told.add(name);
    const hold = names.length === 1 ? 'holds: end it, or wait for it' : 'hold: end them, or wait for them';
    emit({ type: 'notice', message: `waiting for a lock on the ${side} that ${names.join(', ')} ${hold}` });
  };
  const timer = setInterval(() => {
    // A server that cannot be asked is seen by the work itself.
    for (const side of ['source', 'target'] as const) look(side).catch(() => undefined);
  }, LOOK_MILLISECONDS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    over.abort();
  }
}

/** @param waiting sessions of one side */
async function readBlockers(waiting: readonly Session[], signal: AbortSignal): Promise<string[]> {
  const [first] = waiting;
  if (!first) return [];
  const processes = waiting.map(({ announcedProcessId }) => announcedProcessId);
  const blockers = await inSession(
    first.side,
    first.connection,
    (session) => session.query<{ name: string }>(READ_BLOCKERS, [processes]),
    signal,
  );
  return blockers.map(({ name }) => name);
}
