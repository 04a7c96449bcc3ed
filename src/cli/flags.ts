import { type Command, InvalidArgumentError, Option } from 'commander';
import type { MigrateOptions } from '../migrate/options.js';
import { HyperferryError } from '../postgres/error.js';

/** The two databases, as the published procedure names them in the environment. */
export const sourceFlag = (
  meaning = 'the database to move, as a connection URI or name=value pairs',
): Option => new Option('--source <url>', meaning).env('SOURCE');
export const targetFlag = (meaning = 'the database to move it to'): Option =>
  new Option('--target <url>', meaning).env('TARGET');
export const jobsFlag = (
  byDefault = 'one a core, as both servers have room',
  what = 'workers at a time',
): Option => new Option('-j, --jobs <n>', `${what} (default: ${byDefault})`).argParser(wholeNumber);
export const logFormatFlag = (): Option =>
  new Option('--log-format <format>', 'how events are written to stderr')
    .choices(['text', 'json'])
    .default('text');

/** What `check` and `migrate` are both asked: what the checks say depends on all of it. */
export interface MigrationFlags {
  readonly source?: string;
  readonly target?: string;
  readonly jobs?: number;
  readonly pgBin?: string;
  readonly rolePasswords: boolean;
  readonly cleanTarget: boolean;
  readonly updateSource: boolean;
  readonly updateTargetAfter?: true | string;
}

export function addMigrationFlags(command: Command): Command {
  return command
    .addOption(sourceFlag())
    .addOption(targetFlag())
    .addOption(jobsFlag())
    .option('--pg-bin <folder>', 'folder of pg_dump (default: PATH and the usual places)')
    .option('--role-passwords', 'carry the stored forms of role passwords over', false)
    .option('--clean-target', 'drop all that is in the target database first', false)
    .option(
      '--update-source',
      "update the source's TimescaleDB if only that leads to a common version",
      false,
    )
    .option('--update-target-after [version]', "update the target's TimescaleDB at the end");
}

/** @throws HyperferryError `USAGE` when a side is named neither by its flag nor by the environment */
export function migrationOptions(flags: MigrationFlags): MigrateOptions {
  return {
    source: requiredUrl(flags.source, 'source'),
    target: requiredUrl(flags.target, 'target'),
    jobs: flags.jobs,
    programs: flags.pgBin,
    rolePasswords: flags.rolePasswords,
    cleanTarget: flags.cleanTarget,
    updateSource: flags.updateSource,
    updateTargetAfter: flags.updateTargetAfter,
  };
}

/** @throws HyperferryError `USAGE` when the flag and the environment name no database */
export function requiredUrl(url: string | undefined, side: 'source' | 'target'): string {
  if (url) return url;
  throw new HyperferryError('USAGE', `expected the ${side} database, but none was named`, {
    hint: `Add --${side} postgresql://user@host:port/database, or set ${side.toUpperCase()}.`,
  });
}

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError('Expected a whole number from 1.');
  return value;
}

/** Collects a flag that may be given several times. */
export function collect(value: string, previous: readonly string[]): string[] {
  return [...previous, value];
}
