import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import type { DumpOptions } from '../../src/archive/dump-options.js';
import { type Exceptions, expectEqualDatabases } from '../integration/compare/databases.js';
import type { Databases } from '../integration/databases.js';
import { withDump } from '../integration/ferry.js';

/** Dumps a database, restores it as a reader of README.txt would, and expects the target to be equal to the source. */
export async function expectFaithfulByReadme(
  { source, target, programs }: Databases,
  options: Partial<DumpOptions> = {},
  except: Exceptions = {},
): Promise<void> {
  await withDump({ source, programs, ...options }, (folder) => followReadme(folder, target, programs));
  await expectEqualDatabases(source, target, programs, except);
}

/** Runs the commands that a dump's README.txt lists, in its folder; the first that fails is the end. */
export async function followReadme(folder: string, target: string, programs: string): Promise<void> {
  const readme = await readFile(join(folder, 'README.txt'), 'utf8');
  const commands = readme.match(/^ {4}(psql|pg_restore|vacuumdb) .*$/gm) ?? [];
  await execa('bash', ['-e', '-c', commands.join('\n')], {
    cwd: folder,
    env: {
      TARGET: target,
      PATH: `${programs}:${process.env.PATH}`,
      PGOPTIONS: '-c client_min_messages=warning',
    },
  });
}

/** Whether the program of a compression is on this machine. */
export function hasProgram(name: 'lz4' | 'zstd'): boolean {
  try {
    execFileSync(name, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
