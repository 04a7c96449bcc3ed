import { join } from 'node:path';
import { run } from '../run.js';
import { SandboxError } from '../sandbox-error.js';

/** The PostgreSQL major versions that the sandbox serves. */
export type PostgresMajor = 17 | 18;

/** Which version to use for the Apache edition where none is asked for. */
export const DEFAULT_MAJOR: PostgresMajor = 17;

export type Edition = 'apache' | 'community';

/** The major version of the PostgreSQL whose programs lie in a folder. */
export async function majorOf(binFolder: string): Promise<number> {
  const version = await run(join(binFolder, 'postgres'), ['--version']);
  const major = /^postgres \(PostgreSQL\) (\d+)/.exec(version)?.[1];
  if (major !== undefined) return Number(major);
  throw new SandboxError(
    'PROGRAM_FAILED',
    `Expected ${binFolder}/postgres --version to print "postgres (PostgreSQL) …", it printed "${version}"`,
  );
}
