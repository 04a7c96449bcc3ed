import type { StageName } from '../engine/events.js';
import type { Migration } from './migration.js';
import { TargetWatch } from './target-watch.js';
import { workOnStage } from './worker.js';

/** Works on the tasks of a stage, together with workers elsewhere. */
export async function workOnQueue(stage: StageName, migration: Migration): Promise<void> {
  const { source, target, attempt, workerSettings, processes, emit } = migration;
  const tasks = migration.planned.tasks.get(stage) ?? 0;
  if (tasks === 0) return;
  processes.begin();
  const watch = await TargetWatch.begin(migration);
  try {
    await workOnStage(stage, {
      source: source.connection,
      target: target.connection,
      settings: workerSettings,
      attempt,
      jobs: Math.min(processes.ownJobs, tasks),
      emit,
      signal: watch.signal,
    });
    await watch.lookLast();
  } finally {
    await watch.end();
  }
}
