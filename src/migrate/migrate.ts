import type { Emit, StageName } from '../engine/events.js';
import { enterStage, openLedger } from '../engine/ledger.js';
import { readInventory } from '../inventory/inventory.js';
import { readRolePasswords } from '../inventory/roles.js';
import type { LeftOut } from '../plan/left-out.js';
import { makePlan } from '../plan/plan.js';
import { readArchiveToc } from '../postgres/archive-toc.js';
import { type ClientProgram, findPgDump, runClientProgram } from '../postgres/client-programs.js';
import { type Connection, describeConnection, parseConnection } from '../postgres/connection-string.js';
import { HyperferryError } from '../postgres/error.js';
import { Session } from '../postgres/session.js';
import { exportSnapshot } from '../postgres/snapshot.js';
import { holdJobs } from '../timescale/jobs.js';
import { commonUpdate, updateTimescale } from '../timescale/update.js';
import { cleanTarget } from './clean-target.js';
import { configuration } from './configuration.js';
import { constraints } from './constraints.js';
import { database } from './database.js';
import { extensions } from './extensions.js';
import { finish } from './finish.js';
import { hypertableKeys } from './hypertable-keys.js';
import { largeObjects } from './large-objects.js';
import { materializedViews } from './materialized-views.js';
import type { Migration, Stage } from './migration.js';
import type { MigrateOptions } from './options.js';
import { type Outcome, OutcomeCounter } from './outcome.js';
import { ownersAndPrivileges } from './ownership.js';
import { type Cleared, examine, refuseBlockers } from './preflight.js';
import { restoreMode, restoreModeEnds } from './restore-mode.js';
import { roles } from './roles.js';
import { rowsAndIndexes } from './rows.js';
import { schema } from './schema.js';
import { sequences } from './sequences.js';
import { statistics } from './statistics.js';

/** The stages that change the target, in their order. */
const TARGET_STAGES: readonly (readonly [StageName, Stage])[] = [
  ['roles', roles],
  ['extensions', extensions],
  ['restore mode', restoreMode],
  ['schema', schema],
  ['configuration', configuration],
  ['rows and indexes', rowsAndIndexes],
  ['constraints', constraints],
  ['sequences', sequences],
  ['large objects', largeObjects],
  ['database', database],
  ['owners and privileges', ownersAndPrivileges],
];

/**
 * The rest. Foreign keys to hypertables and materialized views need TimescaleDB's hooks. A superuser has them in a
 * session of its own while restore mode holds background jobs off; others must end restore mode first.
 */
function lastStages(isSuperuser: boolean): (readonly [StageName, Stage])[] {
  const needingHooks = [
    ['hypertable keys', hypertableKeys],
    ['materialized views', materializedViews],
  ] as const;
  const ending = [
    ['statistics', statistics],
    ['restore mode ends', restoreModeEnds],
  ] as const;
  return [...(isSuperuser ? [...needingHooks, ...ending] : [...ending, ...needingHooks]), ['finish', finish]];
}

/**
 * Moves a database: everything that it holds, from one snapshot, to another server.
 *
 * @throws HyperferryError. Before the first stage that changes the target nothing is changed on either side; after
 *   it, the error's hint says how to go on. The source's background jobs are put back in any case.
 *
 * @example
 * const outcome = await migrate({ source: 'postgresql://old/tsdb', target: 'postgresql://new/tsdb' });
 * console.log(`${outcome.rows} rows of ${outcome.chunks} chunks in ${outcome.seconds} s`);
 */
export async function migrate(options: MigrateOptions): Promise<Outcome> {
  const begun = performance.now();
  const counter = new OutcomeCounter();
  const emit: Emit = (event) => {
    counter.count(event);
    options.onEvent?.(event);
  };
  const connections = { source: parseConnection(options.source), target: parseConnection(options.target) };
  const run: Run = {
    options,
    connections,
    emit,
    signal: options.signal ?? new AbortController().signal,
    closing: [],
  };
  let isTargetChanged = false;
  try {
    const preparation = await inStage(run, 'connect', () => connect(run));
    const migration = await inStage(run, 'snapshot', () => takeSnapshot(run, preparation));
    isTargetChanged = true;
    await openLedger(migration.target.session, describeConnection(connections.source), 'roles');
    const { isSuperuser } = migration.plan.target.server;
    for (const [name, stage] of [...TARGET_STAGES, ...lastStages(isSuperuser)]) {
      await inStage(run, name, async () => {
        await enterStage(migration.target.session, name);
        await stage(migration);
      });
    }
    await updateTargetAfter(run);
    return {
      source: describeConnection(connections.source),
      target: describeConnection(connections.target),
      timescaleVersion: migration.plan.source.timescale?.version,
      jobs: migration.jobs,
      ...counter.counted,
      seconds: secondsSince(begun),
    };
  } catch (error) {
    throw explain(error, run, isTargetChanged);
  } finally {
    for (const close of run.closing.toReversed()) await close();
  }
}

/** One call of `migrate`, before there is a plan. */
interface Run {
  readonly options: MigrateOptions;
  readonly connections: { readonly source: Connection; readonly target: Connection };
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** What is to be closed at the end, in the reverse order. */
  readonly closing: (() => Promise<void>)[];
}

interface Preparation extends Cleared {
  readonly sourceSession: Session;
  readonly targetSession: Session;
  readonly pgDump: ClientProgram;
}

async function connect(run: Run): Promise<Preparation> {
  const { source, target } = run.connections;
  let sourceSession = await openSession(run, 'source');
  const targetSession = await openSession(run, 'target');
  endOnAbort(run, targetSession);
  const examineBoth = () =>
    examine(
      { session: sourceSession, connection: source },
      { session: targetSession, connection: target },
      run.options,
    );
  let cleared = await examineBoth();
  refuseBlockers(cleared.findings, run.options.skipChecks ?? []);
  if (await updateSource(run, cleared, sourceSession)) {
    sourceSession = await openSession(run, 'source');
    cleared = await examineBoth();
    refuseBlockers(cleared.findings, run.options.skipChecks ?? []);
  }
  for (const { severity, id, found } of cleared.findings) {
    if (severity === 'warning') run.emit({ type: 'notice', message: `${found} (${id})` });
  }
  const pgDump = await findPgDump(
    run.options.programs,
    cleared.source.server.major,
    cleared.target.server.major,
  );
  return { ...cleared, sourceSession, targetSession, pgDump };
}

/** Updates the source's TimescaleDB where that was asked for and is needed. @returns whether it did */
async function updateSource(
  { options, connections, emit }: Run,
  cleared: Cleared,
  session: Session,
): Promise<boolean> {
  const version = cleared.source.timescale?.version;
  const available = cleared.target.availableVersions.get('timescaledb') ?? [];
  if (!options.updateSource || !version || available.includes(version)) return false;
  const to = await commonUpdate(session, version, available);
  if (!to) return false;
  await updateTimescale('source', connections.source, to);
  emit({ type: 'notice', message: `updated TimescaleDB on the source from ${version} to ${to}` });
  return true;
}

async function updateTargetAfter({ options, connections, emit }: Run): Promise<void> {
  const version = options.updateTargetAfter;
  if (version === undefined) return;
  await updateTimescale('target', connections.target, version === true ? undefined : version);
  emit({
    type: 'notice',
    message: `updated TimescaleDB on the target to ${version === true ? 'its newest version' : version}`,
  });
}

/** Holds off the source's jobs, exports a snapshot, reads the source again as of it, and makes the plan. */
async function takeSnapshot(run: Run, preparation: Preparation): Promise<Migration> {
  const { options, connections, signal, emit } = run;
  const { timescale } = preparation.source;
  if (timescale) {
    const held = await holdJobs(preparation.sourceSession, timescale, {
      waitSeconds: options.jobWait ?? 600,
      onWait: (jobs) =>
        emit({
          type: 'notice',
          message: `waiting for the source's background jobs to end: ${jobs.join(', ')}`,
        }),
      signal,
    });
    run.closing.push(() => held.release());
    if (held.notHeld.length > 0) {
      emit({
        type: 'notice',
        message: `these background jobs could not be held off and may run during the copy: ${held.notHeld.join(', ')}`,
      });
    }
  }
  const session = await openSession(run, 'source');
  endOnAbort(run, session);
  const snapshot = await exportSnapshot(session);
  const source = await readInventory(session);
  const archive = await runClientProgram(
    preparation.pgDump,
    [
      ...['--format=custom', '--schema-only', '--compress=0', '--encoding=UTF8', '--no-password'],
      ...[`--snapshot=${snapshot}`, '--exclude-schema=_hyperferry'],
    ],
    connections.source,
    signal,
  );
  if (options.cleanTarget) await cleanTarget(connections.target);
  const target = options.cleanTarget ? await readInventory(preparation.targetSession) : preparation.target;
  const plan = makePlan(source, target, readArchiveToc(archive), {
    owners: options.owners ?? true,
    roleMap: options.roleMap ?? {},
    privileges: options.privileges ?? true,
    rolePasswords: options.rolePasswords ? await readRolePasswords(session) : new Map(),
  });
  const leftOut = new Set<string>();
  const leaveOut = (item: LeftOut): void => {
    leftOut.add(item.object);
    emit({ type: 'left-out', ...item });
  };
  for (const item of plan.leftOut) leaveOut(item);
  return {
    plan,
    source: { connection: connections.source, session, snapshot },
    target: { connection: connections.target, session: preparation.targetSession },
    jobs: preparation.jobs,
    signal,
    emit,
    leaveOut,
    isLeftOut: (object) => leftOut.has(object),
  };
}

/** A session that ends with the run. */
async function openSession(run: Run, side: 'source' | 'target'): Promise<Session> {
  const session = await Session.open(side, run.connections[side]);
  run.closing.push(() => session.close());
  return session;
}

/** Lets an abort end what the session does at once. The one that puts the source's jobs back is not among these. */
function endOnAbort(run: Run, session: Session): void {
  run.signal.addEventListener('abort', () => session.destroy(), { once: true });
}

async function inStage<T>(run: Run, stage: StageName, work: () => Promise<T>): Promise<T> {
  run.signal.throwIfAborted();
  const begun = performance.now();
  run.emit({ type: 'stage-started', stage });
  const value = await work();
  run.emit({ type: 'stage-finished', stage, seconds: secondsSince(begun) });
  return value;
}

/** Says what the state of the target is, and what to do. */
function explain(error: unknown, run: Run, isTargetChanged: boolean): HyperferryError {
  const known =
    error instanceof HyperferryError
      ? error
      : new HyperferryError('INTERNAL', error instanceof Error ? error.message : String(error), {
          cause: error,
        });
  const failure = run.signal.aborted
    ? new HyperferryError('INTERRUPTED', 'interrupted', { cause: error })
    : known;
  if (!isTargetChanged) return failure;
  return new HyperferryError(failure.code, failure.message, {
    cause: failure.cause ?? failure,
    hint: [
      failure.hint,
      'The target is half done and stays in restore mode; the source is as it was. Start over with the same command and --clean-target, which drops what is in the target database.',
    ]
      .filter((line) => line !== undefined)
      .join('\n'),
  });
}

function secondsSince(begun: number): number {
  return Math.round(performance.now() - begun) / 1000;
}
