import { homedir } from 'node:os';
import { join } from 'node:path';
import { isThere } from '../is-there.js';
import { SandboxError } from '../sandbox-error.js';

const VARIABLE = 'HYPERFERRY_COMMUNITY_BIN';

/**
 * The folder of PostgreSQL programs with TimescaleDB's community edition: `$HYPERFERRY_COMMUNITY_BIN`, else
 * `~/.cache/hyperferry/community/bin`; undefined where neither is there.
 *
 * @throws SandboxError `COMMUNITY_UNUSABLE` if the variable names a folder without a `postgres` program.
 */
export async function communityBin(): Promise<string | undefined> {
  const named = process.env[VARIABLE];
  if (!named) return (await hasPostgres(usualPlace())) ? usualPlace() : undefined;
  if (await hasPostgres(named)) return named;
  throw new SandboxError(
    'COMMUNITY_UNUSABLE',
    `Expected PostgreSQL's programs in ${VARIABLE}=${named}, found no postgres there`,
    {
      hint: `Set ${VARIABLE} to a folder such as /usr/lib/postgresql/17/bin, or unset it to use ${usualPlace()}.`,
    },
  );
}

/** What to tell a caller who needs the community edition where `communityBin` found none. */
export function communityMissing(): SandboxError {
  return new SandboxError(
    'COMMUNITY_MISSING',
    `Expected a PostgreSQL with TimescaleDB's community edition, but ${VARIABLE} is not set and ${usualPlace()} has no postgres`,
    {
      hint: `Set ${VARIABLE} to a folder of PostgreSQL programs whose TimescaleDB is the community edition.`,
    },
  );
}

function usualPlace(): string {
  return join(homedir(), '.cache/hyperferry/community/bin');
}

async function hasPostgres(folder: string): Promise<boolean> {
  return isThere(join(folder, 'postgres'), 'program');
}
