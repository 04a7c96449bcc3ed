import { makePlan, type Plan } from '../plan/plan.js';
import type { Snapshot } from './origin.js';
import type { Run } from './run.js';
import type { KeptSettings } from './settings.js';

/** @param settings of the run, which each of its attempts goes by */
export async function planFrom(run: Run, snapshot: Snapshot, settings: KeptSettings): Promise<Plan> {
  const { rolePasswords, ...options } = settings.options;
  const plan = makePlan(snapshot.inventory, settings.target, snapshot.schema, {
    ...options,
    verify: run.options.verify ?? 'checksums',
    rolePasswords: rolePasswords ? await snapshot.readRolePasswords() : new Map(),
  });
  return { ...plan, leftOut: [...plan.leftOut, ...snapshot.leftOut] };
}
