import type { Inventory } from '../inventory/inventory.js';
import { fromJson, toJson } from '../inventory/json.js';
import type { PlanOptions } from '../plan/plan.js';
import { HyperferryError } from '../postgres/error.js';
import type { Parts, RunOptions } from './options.js';

/** What every attempt of a run must be told the same: the ledger keeps it. */
export interface KeptSettings {
  readonly options: Pick<PlanOptions, 'owners' | 'privileges' | 'roleMap' | 'only' | 'content'> & {
    readonly rolePasswords: boolean;
  };
  /** The target before the run changed anything. */
  readonly target: Inventory;
}

/** What this call of `migrate` asks for. */
export function askedSettings(options: RunOptions & Parts): KeptSettings['options'] {
  return {
    owners: options.owners ?? true,
    privileges: options.privileges ?? true,
    // In one order, whichever the flags came in.
    roleMap: Object.fromEntries(Object.entries(options.roleMap ?? {}).sort()),
    rolePasswords: options.rolePasswords ?? false,
    only: options.only,
    content: options.content,
  };
}

export function writeSettings(settings: KeptSettings): string {
  return toJson(settings);
}

export function readSettings(text: string): KeptSettings {
  return fromJson(text);
}

const FLAGS: Record<keyof Required<KeptSettings['options']>, string> = {
  owners: '--no-owner',
  privileges: '--no-privileges',
  roleMap: '--role-map',
  rolePasswords: '--role-passwords',
  only: '--only',
  content: '--schema-only or --data-only',
};

/** @throws HyperferryError `USAGE` when a run is gone on with by other options, or another role, than it began with */
export function refuseOtherSettings(kept: KeptSettings, now: KeptSettings['options'], role: string): void {
  for (const [name, flag] of Object.entries(FLAGS) as [keyof KeptSettings['options'], string][]) {
    if (JSON.stringify(kept.options[name]) === JSON.stringify(now[name])) continue;
    throw new HyperferryError(
      'USAGE',
      `expected the options that the run was begun with, but ${flag} is not as it was then`,
      { hint: 'Give the flags of the first command, and --resume.' },
    );
  }
  if (kept.target.server.role !== role) {
    throw new HyperferryError(
      'USAGE',
      `expected the role ${kept.target.server.role} on the target, which the run was begun with, but ${role} came`,
      { hint: 'Name the same user in --target as in the first command.' },
    );
  }
}
