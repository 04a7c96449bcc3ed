import { LEDGER_FORMAT, readRecordedRun } from '../inventory/recorded-run.js';
import type { LeftOut } from '../plan/left-out.js';
import { HyperferryError } from '../postgres/error.js';
import type { Session } from '../postgres/session.js';
import { readCopiedTotals } from './done.js';
import { STAGES, type StageName } from './events.js';
import { readLeftOut } from './ledger.js';
import { WORKER_SESSIONS } from './queue.js';

/** How far a run is, read from the ledger on its target. */
export interface RunStatus {
  /** `user@host:port/database`, or the path of a dump */
  readonly source: string;
  /**
   * `under way`: a coordinator is at work. `stopped`: it ended in order and said why. `died`: it ended without a word.
   * `done`: the migration is complete.
   */
  readonly state: 'under way' | 'stopped' | 'died' | 'done';
  readonly stage: StageName;
  readonly attempt: number;
  readonly startedAt: string;
  readonly attemptStartedAt: string;
  /** Why it stopped. */
  readonly error: string | undefined;
  /** Those that the attempt has entered. */
  readonly stages: readonly StageStatus[];
  /** Relations whose rows are there, with their rows, and bytes as they went through the network. */
  readonly copied: { readonly relations: number; readonly rows: number; readonly bytes: number };
  /** Sessions that hold a task now, on whatever machine. */
  readonly workers: number;
  readonly leftOut: readonly LeftOut[];
}

export interface StageStatus {
  readonly name: StageName;
  readonly isFinished: boolean;
  /** Until now for the one that the run is in; null for one that it stopped in. */
  readonly seconds: number | null;
  /** Of the attempt; undefined for a stage without tasks. */
  readonly tasks: { readonly done: number; readonly total: number } | undefined;
}

const COUNT_WORKERS = `SELECT pg_catalog.count(*)::int AS workers FROM (${WORKER_SESSIONS}) AS w`;

const READ_STAGES = `
SELECT s.name, s.finished_at >= s.started_at IS TRUE AS "isFinished",
       pg_catalog.date_part('epoch', CASE WHEN s.finished_at >= s.started_at THEN s.finished_at
                                          WHEN $1 THEN pg_catalog.clock_timestamp() END - s.started_at) AS seconds,
       (SELECT pg_catalog.json_build_object('done', pg_catalog.count(t.finished_at), 'total', pg_catalog.count(*))
        FROM _hyperferry.task t WHERE t.stage = s.name HAVING pg_catalog.count(*) > 0) AS tasks
FROM _hyperferry.stage s JOIN _hyperferry.run r ON r.attempt = s.attempt`;

/** @throws HyperferryError `NO_RUN` when the database is the target of no run */
export async function readStatus(session: Session): Promise<RunStatus> {
  const run = await readRecordedRun(session);
  if (!run || run.format !== LEDGER_FORMAT) {
    throw new HyperferryError(
      'NO_RUN',
      run
        ? `the run on this target was made by another version of Hyperferry (format ${run.format}, expected ${LEDGER_FORMAT})`
        : 'this database is not the target of a run, or the run is complete and its ledger removed',
      { hint: 'migrate --keep-ledger keeps it.' },
    );
  }
  const { workers } = await session.one<{ workers: number }>(COUNT_WORKERS);
  const stages = await session.query<
    Omit<StageStatus, 'tasks'> & { tasks: StageStatus['tasks'] | null } & Record<string, unknown>
  >(READ_STAGES, [run.isUnderWay]);
  const { relations, rows, bytes } = await readCopiedTotals(session);
  return {
    source: run.source,
    state: run.state === 'running' ? (run.isUnderWay ? 'under way' : 'died') : run.state,
    stage: run.stage as StageName,
    attempt: run.attempt,
    startedAt: run.startedAt,
    attemptStartedAt: run.attemptStartedAt,
    error: run.error || undefined,
    stages: stages
      .map(({ tasks, ...stage }) => ({ ...stage, tasks: tasks ?? undefined }))
      .toSorted((a, b) => STAGES.indexOf(a.name) - STAGES.indexOf(b.name)),
    copied: { relations, rows, bytes },
    workers,
    leftOut: await readLeftOut(session),
  };
}
