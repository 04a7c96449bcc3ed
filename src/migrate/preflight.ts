import { availableParallelism } from 'node:os';
import { CHECKS, runChecks } from '../check/check.js';
import type { Check, Finding } from '../check/finding.js';
import { FINDING_IDS } from '../check/finding-ids.js';
import type { Emit } from '../engine/events.js';
import { type Inventory, readInventory } from '../inventory/inventory.js';
import { freeConnections } from '../inventory/server.js';
import { type ClientProgram, findPgDump } from '../postgres/client-programs.js';
import type { Connection } from '../postgres/connection-string.js';
import { HyperferryError } from '../postgres/error.js';
import type { Session } from '../postgres/session.js';
import type { MigrateOptions } from './options.js';

/** Both inventories, when nothing stands in the way. */
export interface Cleared {
  readonly source: Inventory;
  readonly target: Inventory;
  readonly jobs: number;
  /** The `pg_dump` for the source, or why there is none. */
  readonly pgDump: ClientProgram | HyperferryError;
}

/** A side that is connected to. */
export interface Reached {
  readonly session: Session;
  readonly connection: Connection;
}

/**
 * Reads both sides and runs the checks. Changes nothing.
 * @returns both inventories and all findings, blockers or not
 */
export async function examine(
  source: Reached,
  target: Reached,
  options: MigrateOptions,
  checks: readonly (readonly Check[])[] = CHECKS,
): Promise<Cleared & { findings: Finding[] }> {
  const [sourceInventory, targetInventory] = await Promise.all([
    readInventory(source.session),
    readInventory(target.session),
  ]);
  const inventories = { source: sourceInventory, target: targetInventory };
  const jobs = options.jobs ?? defaultJobs(inventories.source, inventories.target);
  const pgDump = await lookForPgDump(options.programs, inventories.source, inventories.target);
  const findings = await runChecks(checks, {
    pgDump,
    source: { ...source, inventory: inventories.source },
    target: { ...target, inventory: inventories.target },
    options: {
      jobs,
      cleanTarget: options.cleanTarget ?? false,
      resume: options.resume ?? false,
      privileges: options.privileges ?? true,
      rolePasswords: options.rolePasswords ?? false,
      roleMap: options.roleMap ?? {},
      updateSource: options.updateSource ?? false,
      updateTargetAfter: options.updateTargetAfter,
    },
  });
  return { ...inventories, jobs, pgDump, findings };
}

/** @returns the program, or why there is none */
export async function lookForPgDump(
  folder: string | undefined,
  source: Inventory,
  target: Inventory,
): Promise<ClientProgram | HyperferryError> {
  try {
    return await findPgDump(folder, source.server.major, target.server.major);
  } catch (error) {
    if (error instanceof HyperferryError) return error;
    throw error;
  }
}

/** What follows these is the loss of what a database holds. */
const NEVER_SKIPPED = new Set([
  'same-database',
  'target-not-empty',
  'target-half-done',
  'target-busy',
  'nothing-to-resume',
]);

/**
 * @param skipped ids of findings that the user takes on
 * @throws HyperferryError with the code of the first blocker, and what all of them found and how to mend it
 */
export function refuseBlockers(findings: readonly Finding[], skipped: readonly string[]): void {
  const unknown = skipped.find((id) => !(FINDING_IDS as readonly string[]).includes(id));
  if (unknown !== undefined) {
    throw new HyperferryError('USAGE', `expected the id of a finding for --skip-check, but ${unknown} came`, {
      hint: 'The ids stand in brackets in what hyperferry check prints, and in docs/troubleshooting.md.',
    });
  }
  const kept = skipped.find((id) => NEVER_SKIPPED.has(id));
  if (kept) {
    throw new HyperferryError('USAGE', `the check ${kept} cannot be skipped: data would be lost`, {
      hint: 'Name another --target, or drop what is in it with --clean-target.',
    });
  }
  const blockers = findings.filter(({ severity, id }) => severity === 'blocker' && !skipped.includes(id));
  const [first] = blockers;
  if (!first) return;
  throw new HyperferryError(first.code ?? 'UNSUITABLE', blockers.map(({ found }) => found).join('\n'), {
    hint: blockers.map(({ mend }) => mend).join('\n'),
  });
}

export function noteWarnings(findings: readonly Finding[], emit: Emit): void {
  for (const { severity, id, found } of findings) {
    if (severity === 'warning') emit({ type: 'notice', message: `${found} (${id})` });
  }
}

/** As many workers as this machine has cores, but no more than half of what any of the servers has free. */
export function defaultJobs(...sides: readonly Inventory[]): number {
  const free = Math.min(...sides.map(({ server }) => freeConnections(server)));
  return Math.max(1, Math.min(availableParallelism(), Math.floor(free / 2)));
}
