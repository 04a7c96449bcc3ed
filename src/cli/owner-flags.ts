import type { Command } from 'commander';
import type { RunOptions } from '../migrate/options.js';
import { HyperferryError } from '../postgres/error.js';
import { collect } from './flags.js';

/** What is asked of owners and grants by what brings a database to a target, and by what checks that. */
export interface OwnerFlags {
  readonly roleMap: string[];
  readonly owner: boolean;
  readonly privileges: boolean;
}

export function addOwnerFlags(command: Command): Command {
  return command
    .option(
      '--role-map <old=new>',
      'give what a role owns to another; may be given several times',
      collect,
      [],
    )
    .option('--no-owner', 'do not carry owners over')
    .option('--no-privileges', 'do not carry grants over');
}

export function ownerOptions(flags: OwnerFlags): Pick<RunOptions, 'owners' | 'privileges' | 'roleMap'> {
  return { owners: flags.owner, privileges: flags.privileges, roleMap: parseRoleMap(flags.roleMap) };
}

/** Pairs of `old=new`. */
function parseRoleMap(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [old, renamed, ...rest] = pair.split('=');
      if (!old || !renamed || rest.length > 0) {
        throw new HyperferryError('USAGE', `expected --role-map old=new, but ${pair} came`);
      }
      return [old, renamed];
    }),
  );
}
