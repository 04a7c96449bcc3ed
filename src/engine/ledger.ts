import { COORDINATOR_LOCK, LEDGER_FORMAT } from '../inventory/recorded-run.js';
import type { LeftOut } from '../plan/left-out.js';
import { HyperferryError } from '../postgres/error.js';
import { quoteLiteral } from '../postgres/quoting.js';
import type { Session } from '../postgres/session.js';
import type { StageName } from './events.js';
import { CREATE_LEDGER } from './ledger-schema.js';
import { WORKER_SESSIONS } from './queue.js';

/** What a run is asked to do, and what it found: the same in every attempt. */
export interface RunSettings {
  readonly source: string;
  readonly sourceIdentity: string;
  /** Whatever the migration keeps, as JSON. */
  readonly settings: string;
  /** Since when the source has counted the changes of its relations. */
  readonly countersEpoch: string;
}

/** Begins a run on an empty target. */
export async function openLedger(session: Session, run: RunSettings): Promise<void> {
  const values = [
    run.source,
    run.sourceIdentity,
    run.settings,
    run.countersEpoch,
    'snapshot' satisfies StageName,
  ];
  await session.query(`${CREATE_LEDGER}
INSERT INTO _hyperferry.run (format, source, source_identity, settings, counters_epoch, stage)
VALUES (${LEDGER_FORMAT}, ${values.map(quoteLiteral).join(', ')})`);
}

/**
 * Takes the target for one coordinator, until the session ends.
 * @throws HyperferryError `TARGET_BUSY`
 */
export async function takeTarget(session: Session): Promise<void> {
  const { taken } = await session.one<{ taken: boolean }>(
    'SELECT pg_catalog.pg_try_advisory_lock($1::int, $2::int) AS taken',
    COORDINATOR_LOCK,
  );
  if (taken) return;
  throw new HyperferryError('TARGET_BUSY', 'another run of Hyperferry is at work on this target', {
    hint: 'See how far it is: hyperferry status --target …; help it: hyperferry worker --target …',
  });
}

const END_WORKERS = `
SELECT pg_catalog.pg_terminate_backend(w.pid) FROM (${WORKER_SESSIONS}) AS w
WHERE w.usename = current_user AND w.pid <> pg_catalog.pg_backend_pid()`;

/** Ends the sessions of workers that still hold tasks of an earlier attempt: what they did not commit is undone. */
export async function endWorkers(session: Session): Promise<void> {
  await session.query(END_WORKERS);
}

/** What an earlier attempt has left. */
export interface EarlierAttempt extends RunSettings {
  /** Stages that an attempt has finished. */
  readonly finished: ReadonlySet<StageName>;
  readonly leftOut: readonly LeftOut[];
}

export async function readEarlierAttempt(session: Session): Promise<EarlierAttempt> {
  const run = await session.one<RunSettings & Record<string, unknown>>(
    `SELECT source, source_identity AS "sourceIdentity", settings, counters_epoch AS "countersEpoch"
     FROM _hyperferry.run`,
  );
  const stages = await session.query<{ name: StageName }>(
    'SELECT name FROM _hyperferry.stage WHERE finished_at IS NOT NULL',
  );
  return {
    ...run,
    finished: new Set(stages.map(({ name }) => name)),
    leftOut: await readLeftOut(session),
  };
}

export async function readLeftOut(session: Session): Promise<LeftOut[]> {
  const rows = await session.query<{ object: string; reason: string; sql: string | null }>(
    'SELECT object, reason, sql FROM _hyperferry.left_out ORDER BY position',
  );
  return rows.map(({ sql, ...rest }) => ({ ...rest, ...(sql === null ? {} : { sql }) }));
}

/**
 * Begins the next attempt of a run. Waits for workers that hold a task: `FOR UPDATE` conflicts with their claims.
 * @returns its number
 */
export async function beginAttempt(session: Session, countersEpoch: string): Promise<number> {
  const { attempt } = await session.one<{ attempt: number }>(
    `WITH run AS (SELECT id FROM _hyperferry.run FOR UPDATE)
    UPDATE _hyperferry.run r
    SET stage = 'snapshot', counters_epoch = $1, attempt = attempt + 1, attempt_started_at = pg_catalog.now(), state = 'running',
        error = NULL, error_code = NULL, worker_settings = NULL
    FROM run WHERE r.id = run.id RETURNING r.attempt`,
    [countersEpoch],
  );
  return attempt;
}

/** What a worker elsewhere needs to join the attempt that is under way. */
export interface OpenAttempt {
  readonly attempt: number;
  readonly source: string;
  readonly sourceIdentity: string;
  /** JSON; null until the attempt has its tasks. */
  readonly workerSettings: string | null;
}

export async function readOpenAttempt(session: Session): Promise<OpenAttempt> {
  return session.one<OpenAttempt & Record<string, unknown>>(
    `SELECT attempt, source, source_identity AS "sourceIdentity", worker_settings AS "workerSettings"
     FROM _hyperferry.run`,
  );
}

/** @param settings what workers need besides their tasks, as JSON */
export async function setWorkerSettings(session: Session, settings: string): Promise<void> {
  await session.query('UPDATE _hyperferry.run SET worker_settings = $1', [settings]);
}

export async function enterStage(session: Session, stage: StageName): Promise<void> {
  await session.query(
    `WITH run AS (UPDATE _hyperferry.run SET stage = $1 RETURNING attempt)
     INSERT INTO _hyperferry.stage (name, attempt, started_at) SELECT $1, attempt, pg_catalog.now() FROM run
     ON CONFLICT (name) DO UPDATE SET attempt = excluded.attempt, started_at = excluded.started_at`,
    [stage],
  );
}

/** SQL for the transaction of the caller, where what finishes the stage must not happen without it. */
export function markFinished(stage: StageName): string {
  return `UPDATE _hyperferry.stage SET finished_at = pg_catalog.now() WHERE name = ${quoteLiteral(stage)};`;
}

/** @param leftOut what the run has left out so far */
export async function finishStage(
  session: Session,
  stage: StageName,
  leftOut: readonly LeftOut[],
): Promise<void> {
  const items = JSON.stringify(leftOut.map(({ object, reason, sql }) => [object, reason, sql ?? null]));
  await session.query(`
${markFinished(stage)}
DELETE FROM _hyperferry.left_out;
INSERT INTO _hyperferry.left_out (object, reason, sql)
SELECT value->>0, value->>1, value->>2 FROM pg_catalog.json_array_elements(${quoteLiteral(items)}::json) AS value;`);
}

/**
 * Notes that the attempt has stopped, and why: workers stop when they have done what they hold. An attempt that another
 * has followed has nothing to say any more.
 *
 * @param stage that the run was in; by default the one that the ledger has
 */
export async function stopRun(
  session: Session,
  attempt: number,
  error: HyperferryError,
  stage?: StageName,
): Promise<void> {
  await session.query(
    `UPDATE _hyperferry.run SET state = 'stopped', error = $2, error_code = $3, stage = COALESCE($4, stage)
     WHERE state = 'running' AND attempt = $1`,
    [attempt, error.message, error.code, stage ?? null],
  );
}

/** Keeps the ledger of a run that is complete, for people to read. */
export async function closeLedger(session: Session, last: StageName): Promise<void> {
  await session.query(`UPDATE _hyperferry.run SET state = 'done'; ${markFinished(last)}`);
}

/** Removes the ledger, unseen by the event triggers that the database may have by now. */
export async function removeLedger(session: Session): Promise<void> {
  await session.query(`${WITHOUT_EVENT_TRIGGERS}; DROP SCHEMA IF EXISTS _hyperferry CASCADE`);
}

/** PostgreSQL 17 has a setting for it. Before, a replica's session leaves out all but those that fire always. */
const WITHOUT_EVENT_TRIGGERS = `
SELECT pg_catalog.set_config(name, CASE name WHEN 'event_triggers' THEN 'off' ELSE 'replica' END, false)
FROM pg_catalog.pg_settings
WHERE name IN ('event_triggers', 'session_replication_role')
  AND (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)`;
