import { setTimeout as sleep } from 'node:timers/promises';
import { type DoneMark, readDone } from '../engine/done.js';
import type { Emit } from '../engine/events.js';
import {
  beginAttempt,
  type EarlierAttempt,
  endWorkers,
  openLedger,
  readEarlierAttempt,
  setWorkerSettings,
  takeTarget,
} from '../engine/ledger.js';
import { setTasks } from '../engine/queue.js';
import { COUNTERS_LAG_SECONDS, mayLag, readChangeCounters } from '../inventory/changes.js';
import { readInventory } from '../inventory/inventory.js';
import { readDatabaseIdentity } from '../inventory/server.js';
import type { LeftOut } from '../plan/left-out.js';
import type { Plan } from '../plan/plan.js';
import { describeConnection, publicConnectionString } from '../postgres/connection-string.js';
import { HyperferryError } from '../postgres/error.js';
import type { Session } from '../postgres/session.js';
import { cleanTarget } from './clean-target.js';
import type { Migration } from './migration.js';
import type { Preparation } from './prepare.js';
import { endOnAbort, openSession, type Run } from './run.js';
import { type KeptSettings, readSettings, refuseOtherSettings, writeSettings } from './settings.js';
import { planFrom, type Snapshot } from './snapshot.js';
import { type Standing, standing } from './standing.js';
import { takeBackChanged } from './take-back.js';
import { makeTasks } from './tasks.js';
import type { WorkerSettings } from './work/context.js';

/** Makes the plan, and begins the run in the ledger, or its next attempt. */
export async function beginMigration(
  run: Run,
  preparation: Preparation,
  snapshot: Snapshot,
): Promise<Migration> {
  const target = openTargetSide(run, preparation.targetSession);
  const { plan, leftOutBefore, ...ledger } = run.isResumed
    ? await goOn(run, preparation, snapshot, target.session)
    : await begin(run, preparation, snapshot, target);
  const tasks = makeTasks(plan, ledger.standing);
  await setTasks(target.session, tasks);
  const workerSettings = workerSettingsFrom(run, snapshot);
  await setWorkerSettings(target.session, JSON.stringify(workerSettings));
  const leftOut = new LeftOutItems(run.emit);
  for (const item of [...plan.leftOut, ...leftOutBefore]) leftOut.add(item);
  return {
    ...ledger,
    leaveOut: (item) => leftOut.add(item),
    isLeftOut: (object) => leftOut.has(object),
    get leftOut() {
      return leftOut.items;
    },
    plan,
    tasks,
    workerSettings,
    source: { connection: run.connections.source, session: snapshot.session, snapshot: snapshot.id },
    target,
    jobs: preparation.jobs,
    keepLedger: run.options.keepLedger ?? false,
    signal: run.signal,
    emit: run.emit,
    sequenceValues: [],
    verification: undefined,
  };
}

type Begun = Pick<Migration, 'plan' | 'attempt' | 'standing' | 'doneBefore' | 'finishedBefore'> & {
  readonly leftOutBefore: readonly LeftOut[];
};

async function begin(
  run: Run,
  preparation: Preparation,
  snapshot: Snapshot,
  target: Migration['target'],
): Promise<Begun> {
  if (run.options.cleanTarget) {
    run.state.target = 'half done';
    await endWorkers(target.session);
    await cleanTarget(run.connections.target);
    await target.renewSession();
  }
  const settings: KeptSettings = {
    options: askedSettings(run),
    target: run.options.cleanTarget ? await readInventory(target.session) : preparation.target,
  };
  const plan = await planFrom(run, snapshot, settings);
  run.state.target = 'half done';
  await openLedger(
    target.session,
    {
      source: describeConnection(run.connections.source),
      sourceIdentity: await readDatabaseIdentity(snapshot.session),
      settings: writeSettings(settings),
    },
    'roles',
  );
  run.state.hasLedger = true;
  return {
    plan,
    attempt: 1,
    standing: standing(new Set(), snapshot.counters),
    doneBefore: [],
    finishedBefore: new Set(),
    leftOutBefore: [],
  };
}

async function goOn(
  run: Run,
  preparation: Preparation,
  snapshot: Snapshot,
  session: Session,
): Promise<Begun> {
  const earlier = await readEarlierAttempt(session);
  await refuseOtherSource(earlier, snapshot.session);
  const settings = readSettings(earlier.settings);
  refuseOtherSettings(settings, askedSettings(run), preparation.target.server.role);
  const plan = await planFrom(run, snapshot, settings);
  run.state.target = 'half done';
  run.state.hasLedger = true;
  await endWorkers(session);
  const attempt = await beginAttempt(session);
  const doneBefore = await keepWhatIsEqual(run, preparation, snapshot, session, plan, earlier, attempt);
  return {
    plan,
    attempt,
    ...doneBefore,
    finishedBefore: earlier.finished,
    leftOutBefore: earlier.leftOut,
  };
}

/** From the end of restore mode on, the target is no copy in the making: nothing is taken back. */
async function keepWhatIsEqual(
  { emit, signal }: Run,
  { sourceSession }: Preparation,
  { counters }: Snapshot,
  session: Session,
  plan: Plan,
  earlier: EarlierAttempt,
  attempt: number,
): Promise<{ standing: Standing; doneBefore: readonly DoneMark[] }> {
  if (await mayLag(sourceSession)) {
    emit({ type: 'notice', message: 'waiting until the source has counted what was written to it last' });
    await sleep(COUNTERS_LAG_SECONDS * 1000, undefined, { signal });
  }
  const now = await readChangeCounters(sourceSession);
  const done = await readDone(session);
  const fingerprints = (marks: readonly DoneMark[]) => new Set(marks.map(({ fingerprint }) => fingerprint));
  if (earlier.finished.has('restore mode ends')) {
    return { standing: standing(fingerprints(done), counters, now), doneBefore: done };
  }
  const resumed = await takeBackChanged(session, plan, done, standing(fingerprints(done), now));
  emit({ type: 'resumed', attempt, ...resumed });
  const doneBefore = await readDone(session);
  return { standing: standing(fingerprints(doneBefore), counters, now), doneBefore };
}

async function refuseOtherSource(
  { source, sourceIdentity }: EarlierAttempt,
  session: Session,
): Promise<void> {
  if ((await readDatabaseIdentity(session)) === sourceIdentity) return;
  throw new HyperferryError(
    'USAGE',
    `expected the source that the run was begun with, ${source}, but --source is another database`,
    { hint: 'Name the source of the first command, or start over with --clean-target.' },
  );
}

function askedSettings({ options }: Run): KeptSettings['options'] {
  return {
    owners: options.owners ?? true,
    privileges: options.privileges ?? true,
    roleMap: options.roleMap ?? {},
    rolePasswords: options.rolePasswords ?? false,
  };
}

function workerSettingsFrom({ connections }: Run, { id, inventory }: Snapshot): WorkerSettings {
  const { search_path = '', TimeZone = 'UTC' } = inventory.server.sessionDefaults;
  return {
    snapshot: id,
    source: publicConnectionString(connections.source),
    applicationDefaults: { searchPath: search_path, timeZone: TimeZone },
    storesNullAsUnreadableValue: inventory.timescale?.storesNullAsUnreadableValue ?? false,
  };
}

/** Each object once, however many attempts leave it out. */
class LeftOutItems {
  readonly #emit: Emit;
  readonly #byObject = new Map<string, LeftOut>();

  constructor(emit: Emit) {
    this.#emit = emit;
  }

  get items(): readonly LeftOut[] {
    return [...this.#byObject.values()];
  }

  has(object: string): boolean {
    return this.#byObject.has(object);
  }

  add(item: LeftOut): void {
    if (!this.has(item.object)) this.#emit({ type: 'left-out', ...item });
    this.#byObject.set(item.object, item);
  }
}

function openTargetSide(run: Run, first: Session): Migration['target'] {
  let session = first;
  return {
    connection: run.connections.target,
    get session() {
      return session;
    },
    renewSession: async () => {
      await session.close();
      session = await openSession(run, 'target');
      endOnAbort(run, session);
      await takeTarget(session);
    },
  };
}
