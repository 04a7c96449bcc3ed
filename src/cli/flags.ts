import { InvalidArgumentError, Option } from 'commander';
import { HyperferryError } from '../postgres/error.js';

/** The two databases, as the published procedure names them in the environment. */
export const sourceFlag = (): Option =>
  new Option('--source <url>', 'the database to move, as a connection URI or name=value pairs').env('SOURCE');
export const targetFlag = (): Option =>
  new Option('--target <url>', 'the database to move it to').env('TARGET');
export const jobsFlag = (): Option =>
  new Option(
    '-j, --jobs <n>',
    'workers at a time (default: one a core, as both servers have room)',
  ).argParser(wholeNumber);
export const programsFlag = (): Option =>
  new Option('--pg-bin <folder>', 'folder of pg_dump (default: PATH and the usual places)');

/** What the answer of the checks depends on: `check` takes the same flags as `migrate`. */
export const rolePasswordsFlag = (): Option =>
  new Option('--role-passwords', 'carry the stored forms of role passwords over').default(false);
export const cleanTargetFlag = (): Option =>
  new Option('--clean-target', 'drop all that is in the target database first').default(false);
export const updateSourceFlag = (): Option =>
  new Option(
    '--update-source',
    "update the source's TimescaleDB if only that leads to a common version",
  ).default(false);
export const updateTargetAfterFlag = (): Option =>
  new Option('--update-target-after [version]', "update the target's TimescaleDB at the end");

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
