import { IS_UNDER_WAY } from '../inventory/recorded-run.js';
import type { Work } from '../plan/work.js';
import { type ErrorCode, HyperferryError } from '../postgres/error.js';
import { quoteLiteral } from '../postgres/quoting.js';
import type { Row, Session } from '../postgres/session.js';
import type { StageName } from './events.js';

/** A piece of work that one worker does in one transaction. */
export interface Task {
  readonly id: number;
  readonly stage: StageName;
  /** The tasks that must be done before. */
  readonly after: readonly number[];
  /** Of the tasks that are ready, the heaviest is taken first. */
  readonly weight: number;
  /** As they lie on the source's disk. */
  readonly bytes: number;
  /** Made when the ledger takes it: of many chunks, the texts of SQL are as much as all else together. */
  work(): Work;
}

/** Characters of tasks in one message: those of 20,000 chunks have 40 million. */
const SENT_AT_ONCE = 1024 ** 2;

const ADD_TASKS = `
INSERT INTO _hyperferry.task (id, stage, waits, followers, weight, bytes, work)
SELECT (value->>0)::int, value->>1, (value->>2)::int, (value->>3)::int[], (value->>4)::float8, (value->>5)::bigint, value->>6
FROM pg_catalog.json_array_elements($1::json) AS value`;

/** Replaces the tasks of the attempt before. */
export async function setTasks(session: Session, tasks: readonly Task[]): Promise<void> {
  await session.transaction(async () => {
    const followers = followersOf(tasks);
    let rows: string[] = [];
    let characters = 0;
    let sent: Promise<unknown> = Promise.resolve();
    for (const [index, { id, stage, after, weight, bytes, work }] of tasks.entries()) {
      const following = `{${(followers.get(id) ?? []).join(',')}}`;
      const row = JSON.stringify([id, stage, after.length, following, weight, bytes, work()]);
      rows.push(row);
      characters += row.length;
      if (characters < SENT_AT_ONCE && index < tasks.length - 1) continue;
      // The next ones are made while the server takes these.
      await sent;
      sent = session.query(ADD_TASKS, [`[${rows.join(',')}]`]);
      sent.catch(() => {}); // comes out where it is awaited
      rows = [];
      characters = 0;
    }
    await sent;
  }, 'BEGIN; DELETE FROM _hyperferry.task');
}

/** The tasks that wait for a task, by its id. */
function followersOf(tasks: readonly Task[]): Map<number, number[]> {
  const followers = new Map<number, number[]>();
  for (const { id, after } of tasks) {
    for (const before of after) {
      const known = followers.get(before);
      if (known) known.push(id);
      else followers.set(before, [id]);
    }
  }
  return followers;
}

/**
 * SQL that gives the sessions that hold a task: with the first claim, a worker takes a lock on the table. (Readers lock it
 * as well, and so does autovacuum, as nobody's role.)
 */
export const WORKER_SESSIONS = `
SELECT DISTINCT a.pid, a.usename
FROM pg_catalog.pg_locks l
JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid AND a.usename IS NOT NULL
WHERE l.relation = pg_catalog.to_regclass('_hyperferry.task')::oid AND l.mode <> 'AccessShareLock'
  AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())`;

/**
 * SQL that takes a task that is ready and that no other worker has, in the transaction that is to do it. The row's lock
 * is the claim: a worker that dies loses it with its connection, and the task is ready again. The share of the run's row
 * keeps the next attempt from beginning while a task of this one is in hand.
 */
export function claimTask(attempt: number, stage: StageName): string {
  return `
WITH run AS (
  SELECT id FROM _hyperferry.run WHERE attempt = ${attempt} AND state = 'running' AND stage = ${quoteLiteral(stage)}
  FOR KEY SHARE
)
SELECT t.id, t.work
FROM _hyperferry.task t, run
WHERE t.stage = ${quoteLiteral(stage)} AND t.finished_at IS NULL AND t.waits = 0
ORDER BY t.weight DESC, t.id
LIMIT 1
FOR UPDATE OF t SKIP LOCKED`;
}

/** A row of `claimTask`. */
export interface ClaimedRow extends Row {
  readonly id: number;
  readonly work: string;
}

export function claimedWork({ work }: ClaimedRow): Work {
  return JSON.parse(work) as Work;
}

/** SQL that says of a task, in the transaction that has done it, that it is done. */
export function finishTask(id: number, worker: string): string {
  return `
UPDATE _hyperferry.task SET finished_at = pg_catalog.clock_timestamp(), worker = ${quoteLiteral(worker)}
WHERE id = ${id};
UPDATE _hyperferry.task SET waits = waits - 1
WHERE id = ANY ((SELECT followers FROM _hyperferry.task WHERE id = ${id})::int[]);`;
}

/** How far a run is, to one who found no task to take. */
export interface QueueState {
  readonly stage: StageName;
  /** Tasks that are not done yet: of the run's stage, and of all. */
  readonly unfinishedInStage: number;
  readonly unfinished: number;
  /** Whether the run has a coordinator. */
  readonly isUnderWay: boolean;
}

const READ_STATE = `
SELECT r.attempt, r.state, r.error, r.error_code AS "errorCode", r.stage,
       ${IS_UNDER_WAY} AS "isUnderWay",
       (SELECT pg_catalog.count(*)::int FROM _hyperferry.task t
        WHERE t.stage = r.stage AND t.finished_at IS NULL) AS "unfinishedInStage",
       (SELECT pg_catalog.count(*)::int FROM _hyperferry.task t WHERE t.finished_at IS NULL) AS unfinished
FROM _hyperferry.run r`;

/** @throws HyperferryError `STOPPED`, or with the code of what another worker failed at, when the attempt is over */
export async function readQueueState(session: Session, attempt: number): Promise<QueueState> {
  const { error, errorCode, ...row } = await session.one<
    QueueState & {
      attempt: number;
      state: string;
      error: string | null;
      errorCode: ErrorCode | null;
    } & Record<string, unknown>
  >(READ_STATE);
  if (row.attempt === attempt && row.state === 'running') return row;
  if (row.attempt !== attempt || error === null) {
    throw new HyperferryError('STOPPED', 'this attempt of the run is over; a later one may go on with it');
  }
  throw new HyperferryError(errorCode ?? 'STOPPED', `the run was stopped elsewhere: ${error}`);
}
