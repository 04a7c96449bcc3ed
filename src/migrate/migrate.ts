import { type CopiedTotals, readCopiedTotals } from '../engine/done.js';
import type { Emit, StageName } from '../engine/events.js';
import { enterStage, finishStage, stopRun } from '../engine/ledger.js';
import { secondsSince, tellStage } from '../engine/tell-stage.js';
import type { Plan } from '../plan/plan.js';
import { describeConnection, parseConnection } from '../postgres/connection-string.js';
import { inSession } from '../postgres/session.js';
import { updateTimescale } from '../timescale/update.js';
import { backgroundJobs } from './background-jobs.js';
import { beginMigration } from './begin.js';
import { configuration } from './configuration.js';
import { limitConnections } from './connection-limit.js';
import { constraints } from './constraints.js';
import { database } from './database.js';
import { eventTriggers } from './event-triggers.js';
import { explainFailure, failureOf } from './explain-failure.js';
import { extensions } from './extensions.js';
import { finish } from './finish.js';
import { hypertableKeys } from './hypertable-keys.js';
import { largeObjects } from './large-objects.js';
import { materializedViews } from './materialized-views.js';
import type { Migration, Stage } from './migration.js';
import type { MigrateOptions, Parts, RunOptions } from './options.js';
import type { Origin } from './origin.js';
import { type Outcome, OutcomeCounter } from './outcome.js';
import { ownersAndPrivileges } from './ownership.js';
import { connect } from './prepare.js';
import { restoreMode, restoreModeEnds } from './restore-mode.js';
import { roles } from './roles.js';
import { rowsAndIndexes } from './rows.js';
import { allOver, closeSession, type Run } from './run.js';
import { schema } from './schema.js';
import { sequences } from './sequences.js';
import { serverOrigin } from './server-origin.js';
import { statistics } from './statistics.js';
import { tellingBlockers } from './tell-blockers.js';
import { tryUntilDone } from './try-until-done.js';
import { verifyBothSides } from './verify.js';
import { refuseProcesses } from './worker-processes.js';

/** The stages that change the target, in their order. */
const TARGET_STAGES: readonly (readonly [StageName, Stage])[] = [
  ['roles', roles],
  ['extensions', extensions],
  ['restore mode', restoreMode],
  ['schema', schema],
  ['rows and indexes', rowsAndIndexes],
  ['constraints', constraints],
  ['sequences', sequences],
  ['large objects', largeObjects],
  ['configuration', configuration],
  ['database', database],
  ['owners and privileges', ownersAndPrivileges],
];

/**
 * The rest. Foreign keys to hypertables and materialized views need TimescaleDB's hooks. A superuser has them in a
 * session of its own while restore mode holds background jobs off; others must end restore mode first, and then put the jobs
 * off before all else.
 */
function lastStages(isSuperuser: boolean): (readonly [StageName, Stage])[] {
  const needingHooks = [
    ['hypertable keys', hypertableKeys],
    ['materialized views', materializedViews],
  ] as const;
  const ending = [
    ['statistics', statistics],
    ['event triggers', eventTriggers],
    ['verify', verifyBothSides],
  ] as const;
  const jobs = ['background jobs', backgroundJobs] as const;
  const end = ['restore mode ends', restoreModeEnds] as const;
  return isSuperuser ? [...needingHooks, ...ending, jobs, end] : [...ending, end, jobs, ...needingHooks];
}

/**
 * Moves a database: everything that it holds, from one snapshot, to another server.
 *
 * @throws HyperferryError. Where something was changed by then, the error's hint says what state it is in and how to go
 *   on; until the checks are passed nothing is. The source's background jobs are put back in any case.
 *
 * @example
 * const outcome = await migrate({ source: 'postgresql://old/tsdb', target: 'postgresql://new/tsdb' });
 * console.log(`${outcome.rows} rows of ${outcome.chunks} chunks in ${outcome.seconds} s`);
 */
export async function migrate(options: MigrateOptions): Promise<Outcome> {
  refuseProcesses(options.processes, options.jobs);
  return moveFrom(serverOrigin(options), options);
}

/** Brings what the origin holds to the target. */
export async function moveFrom(origin: Origin, options: RunOptions & Parts): Promise<Outcome> {
  const begun = performance.now();
  const counter = new OutcomeCounter();
  const target = parseConnection(options.target);
  const emit: Emit = (event) => {
    counter.count(event);
    if (event.type === 'relation-copied') run.state.relationsCopied++;
    options.onEvent?.(event);
  };
  const run: Run = {
    options,
    source: { name: origin.name, url: origin.url },
    target,
    emit,
    signal: options.signal ?? new AbortController().signal,
    isResumed: options.resume ?? false,
    processes: undefined,
    sessions: new Map(),
    state: {
      target: 'unchanged',
      hasLedger: false,
      attempt: 0,
      relationsCopied: 0,
      stage: 'connect',
      isRestoring: false,
      updatedSourceTo: undefined,
    },
  };
  const release = async (): Promise<void> => {
    for (const message of await origin.release()) emit({ type: 'notice', message });
  };
  try {
    const { migration, copied } = await tryUntilDone(run, () => attempt(run, origin)).finally(() =>
      run.processes?.end(),
    );
    await updateTargetAfter(run, migration).finally(() => limitConnections(migration));
    await release();
    return {
      source: origin.name,
      target: describeConnection(target),
      timescaleVersion: migration.plan.source.timescale?.version,
      jobs: migration.jobs,
      ...copied,
      ...counter.counted,
      // Of the last attempt: what one before could not make, it may have made.
      leftOut: migration.leftOut,
      verification: migration.verification,
      seconds: secondsSince(begun),
    };
  } catch (error) {
    await Promise.all([release(), noteFailure(run, error)]);
    throw explainFailure(error, run);
  }
}

/** From the connections to the end, or as far as it goes. */
async function attempt(run: Run, origin: Origin): Promise<{ migration: Migration; copied: CopiedTotals }> {
  const { emit, sessions } = run;
  try {
    const migration = await tellingBlockers({ emit, sessions: () => sessions.keys() }, async () => {
      const preparation = await inStage(run, 'connect', () => connect(run, origin));
      return inStage(run, 'snapshot', async () =>
        beginMigration(run, preparation, await preparation.takeSnapshot()),
      );
    });
    for (const [name, stage] of stagesOf(migration)) {
      await inStage(run, name, () => workOn(name, stage, migration));
      run.state.isRestoring = isRestoringAfter(name, run, migration);
    }
    const copied = await readCopiedTotals(migration.target.session);
    await inStage(run, 'finish', () => finish(migration));
    run.state.target = 'done';
    return { migration, copied };
  } finally {
    for (const session of [...sessions.keys()].toReversed()) {
      await closeSession(run, session).catch((error: Error) =>
        emit({ type: 'notice', message: error.message }),
      );
    }
  }
}

/** Does not wait until the ledger has the stage: over a long way, a stage with nothing to do takes a round trip. */
async function workOn(name: StageName, stage: Stage, migration: Migration): Promise<void> {
  const entered = enterStage(migration.target.session, name);
  const work = async (): Promise<void> => {
    await stage(migration, entered);
    await finishStage(migration.target.session, name, migration.leftOut);
  };
  await allOver([entered, work()]);
}

/** From the end of restore mode on, the target is a database at work: what came before is not done again. */
function stagesOf({ plan, finishedBefore }: Migration): readonly (readonly [StageName, Stage])[] {
  const all = [...TARGET_STAGES, ...lastStages(plan.target.server.isSuperuser)];
  const stages = all.filter(([name]) => isStageOf(plan.options, name));
  const end = stages.findIndex(([name]) => name === 'restore mode ends');
  return finishedBefore.has('restore mode ends') ? stages.slice(end + 1) : stages;
}

/** What brings rows into definitions that stand. */
const STAGES_OF_ROWS: ReadonlySet<StageName> = new Set([
  'restore mode',
  'rows and indexes',
  'sequences',
  'large objects',
  'materialized views',
  'statistics',
  'verify',
  'restore mode ends',
]);

function isStageOf({ only, content }: Plan['options'], stage: StageName): boolean {
  if (content === 'rows') return STAGES_OF_ROWS.has(stage);
  // What is said of the whole database is not said of one that gets some of its tables.
  return !only || stage !== 'database';
}

/** Workers elsewhere read it, and those who ask for the run's status. */
async function noteFailure(run: Run, error: unknown): Promise<void> {
  if (!run.state.hasLedger || run.state.target === 'done') return;
  try {
    await inSession('target', run.target, (session) =>
      stopRun(session, run.state.attempt, failureOf(error, run), run.state.stage),
    );
  } catch {
    // The target cannot be reached; that there is no coordinator any more is seen without a note.
  }
}

async function updateTargetAfter({ options, target, emit }: Run, { plan }: Migration): Promise<void> {
  const version = options.updateTargetAfter;
  if (version === undefined) return;
  const server = { connection: target, serverVersion: plan.target.server.version };
  await updateTimescale('target', server, version === true ? undefined : version);
  emit({
    type: 'notice',
    message: `updated TimescaleDB on the target to ${version === true ? 'its newest version' : version}`,
  });
}

async function inStage<T>(run: Run, stage: StageName, work: () => Promise<T>): Promise<T> {
  run.signal.throwIfAborted();
  run.state.stage = stage;
  return tellStage(run, stage, work);
}

function isRestoringAfter(stage: StageName, { state }: Run, { plan }: Migration): boolean {
  if (stage === 'restore mode') return plan.source.timescale !== undefined;
  return stage === 'restore mode ends' ? false : state.isRestoring;
}
