import { endWorkers, openLedger, takeTarget } from '../engine/ledger.js';
import { setTasks } from '../engine/queue.js';
import { readInventory } from '../inventory/inventory.js';
import { type Plan, withoutTasks } from '../plan/plan.js';
import { parseConnection } from '../postgres/connection-string.js';
import type { Session } from '../postgres/session.js';
import { cleanTarget } from './clean-target.js';
import { type Begun, goOn } from './go-on.js';
import { LeftOutItems } from './left-out-items.js';
import type { Migration } from './migration.js';
import type { HeldSnapshot, Snapshot } from './origin.js';
import { planFrom } from './plan-from.js';
import type { Prepared } from './prepare.js';
import { closeSession, openSession, type Run } from './run.js';
import { askedSettings, type KeptSettings, writeSettings } from './settings.js';
import { standing } from './standing.js';
import { makeTasks } from './tasks.js';
import type { WorkerSettings } from './work/context.js';
import { WorkerProcesses } from './worker-processes.js';

/** Makes the plan, and begins the run in the ledger, or its next attempt. */
export async function beginMigration(
  run: Run,
  preparation: Prepared,
  snapshot: Snapshot,
): Promise<Migration> {
  const target = openTargetSide(run, preparation.targetSession);
  const { plan, leftOutBefore, ...ledger } = run.isResumed
    ? await goOn(run, preparation, snapshot, target.session)
    : await begin(run, preparation, snapshot, target);
  const { tasks, planned } = makeTasks(plan, ledger.standing, preparation.jobs);
  await setTasks(target.session, tasks);
  const processes = run.processes ?? new WorkerProcesses(run, preparation.jobs);
  run.processes = processes;
  const leftOut = new LeftOutItems(run.emit);
  for (const item of [...plan.leftOut, ...leftOutBefore]) leftOut.add(item);
  return {
    ...ledger,
    leaveOut: (item) => leftOut.add(item),
    isLeftOut: (object) => leftOut.has(object),
    get leftOut() {
      return leftOut.items;
    },
    plan: withoutTasks(plan),
    planned,
    workerSettings: workerSettingsFrom(snapshot, plan, preparation.jobs),
    source: {
      connection: run.source.url === undefined ? undefined : parseConnection(run.source.url),
      snapshot: held(snapshot),
    },
    target,
    jobs: preparation.jobs,
    processes,
    keepLedger: run.options.keepLedger ?? false,
    signal: run.signal,
    emit: run.emit,
    sequenceValues: [],
    verification: undefined,
  };
}

function held({ readSequenceValues, jobStarts, openConfiguration, compared }: Snapshot): HeldSnapshot {
  return { readSequenceValues, jobStarts, openConfiguration, compared };
}

async function begin(
  run: Run,
  preparation: Prepared,
  snapshot: Snapshot,
  target: Migration['target'],
): Promise<Begun> {
  if (run.options.cleanTarget) {
    run.state.target = 'half done';
    await endWorkers(target.session);
    await cleanTarget(run.target, run.signal);
    await target.renewSession();
  }
  const settings: KeptSettings = {
    options: askedSettings(run.options),
    target: run.options.cleanTarget ? await readInventory(target.session) : preparation.target,
  };
  const plan = await planFrom(run, snapshot, settings);
  await openLedger(target.session, {
    source: run.source.name,
    sourceIdentity: snapshot.identity,
    settings: writeSettings(settings),
    countersEpoch: snapshot.counters.epoch,
  });
  run.state.target = 'half done';
  run.state.hasLedger = true;
  run.state.attempt = 1;
  return {
    plan,
    attempt: 1,
    standing: standing(new Set(), snapshot.counters),
    doneBefore: [],
    finishedBefore: new Set(),
    leftOutBefore: [],
  };
}

function workerSettingsFrom({ rows, inventory }: Snapshot, { options }: Plan, jobs: number): WorkerSettings {
  const { search_path = '', TimeZone = 'UTC' } = inventory.server.sessionDefaults;
  return {
    rows,
    jobs,
    applicationDefaults: { searchPath: search_path, timeZone: TimeZone },
    intoDefinitions: options.content === 'rows',
  };
}

function openTargetSide(run: Run, first: Session): Migration['target'] {
  let session = first;
  return {
    connection: run.target,
    get session() {
      return session;
    },
    renewSession: async () => {
      await closeSession(run, session);
      const renewed = await openSession(run, 'target', run.target);
      try {
        await takeTarget(renewed);
      } catch (error) {
        await closeSession(run, renewed);
        throw error;
      }
      session = renewed;
    },
  };
}
