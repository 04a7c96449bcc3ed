import { access, chmod, constants, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { execa } from 'execa';
import { failedOnFile } from '../postgres/archive/archive-error.js';
import type { ClientProgram } from '../postgres/client-programs.js';
import { HyperferryError } from '../postgres/error.js';
import { programEnvironment } from '../postgres/program-environment.js';
import type { DumpFolder } from './dump-folder.js';
import { fileOnDisk } from './file-on-disk.js';
import type { Manifest } from './manifest.js';
import { OBJECTS_FILE } from './objects-file.js';
import { BACKGROUND_JOBS, LISTS, MISSING_VALUES } from './readme.js';
import { RECORD_FILE } from './record-file.js';

/** What a plain dump keeps of the archive that it is made of, as it is: `verify` compares with the last two. */
const KEPT = new Set([
  'roles.sql',
  'database.sql',
  MISSING_VALUES,
  BACKGROUND_JOBS,
  RECORD_FILE,
  OBJECTS_FILE,
]);

/** The scripts, and the lists of entries that each is made of. */
const SCRIPTS = [
  ['dump.sql', LISTS.inRestoreMode],
  ['after-restore-mode.sql', LISTS.afterRestoreMode],
] as const;

/**
 * Finds out, before anything is written, whether `pg_restore` stands beside `pg_dump`.
 * @throws HyperferryError `CLIENT_PROGRAM`
 */
export async function expectPgRestore(pgDump: ClientProgram): Promise<void> {
  const path = besides(pgDump);
  await access(path, constants.X_OK).catch((cause: unknown) => {
    throw new HyperferryError(
      'CLIENT_PROGRAM',
      `expected pg_restore beside ${pgDump.path}, for a plain dump; ${path} cannot be run`,
      {
        hint: 'Install it, name the folder of both (--pg-bin FOLDER), or dump with --format archive.',
        cause,
      },
    );
  });
}

function besides({ path }: ClientProgram): string {
  return join(dirname(path), 'pg_restore');
}

/**
 * Turns the archive in the folder into scripts for psql, as the published procedure has them. By `pg_restore`, which
 * knows how an archive is written as SQL.
 */
export async function writePlainDump(
  folder: DumpFolder,
  { pgDump, signal }: { readonly pgDump: ClientProgram; readonly signal: AbortSignal },
  manifest: Manifest,
  readme: string,
): Promise<Manifest> {
  const made = [];
  for (const [script, list] of SCRIPTS) {
    const path = join(folder.path, script);
    const {
      failed,
      stderr,
      signal: killedBy,
    } = await execa(
      besides(pgDump),
      ['-L', join(folder.path, list), '-f', path, folder.path],
      // In English: what it says is looked at.
      {
        reject: false,
        cancelSignal: signal,
        env: { ...programEnvironment(), LC_ALL: 'C' },
        extendEnv: false,
      },
    );
    signal.throwIfAborted();
    if (failed) throw failureOf(path, stderr, killedBy);
    await chmod(path, 0o600).catch(failing(path));
    made.push(await fileOnDisk(folder.path, script));
  }
  const kept = manifest.files.filter(({ name }) => KEPT.has(name));
  for (const { name } of manifest.files.filter((file) => !kept.includes(file))) {
    const path = join(folder.path, name);
    await rm(path).catch(failing(path));
  }
  return {
    ...manifest,
    kind: 'plain',
    tables: manifest.tables.map((table) => ({ ...table, file: null })),
    files: [...kept, ...made, await folder.write('README.txt', readme)],
  };
}

/** What the system says of a file that cannot grow, in English. */
const DISK_FAILURES = [
  [/No space left on device/, 'ENOSPC'],
  [/Disk quota exceeded/, 'EDQUOT'],
  [/File too large/, 'EFBIG'],
] as const;

/** A limit of `ulimit -f` ends a program that does not expect it by a signal. */
function failureOf(path: string, stderr: string, killedBy: string | undefined): HyperferryError {
  const said = DISK_FAILURES.find(([words]) => words.test(stderr))?.[1];
  const code = killedBy === 'SIGXFSZ' ? 'EFBIG' : said;
  if (code) return failedOnFile('written', path, { code });
  return new HyperferryError(
    'CLIENT_PROGRAM',
    `pg_restore could not write ${basename(path)}: ${stderr || (killedBy ?? 'it said nothing')}`,
    { hint: 'Name the folder of other client programs (--pg-bin FOLDER), or dump with --format archive.' },
  );
}

function failing(path: string): (error: unknown) => never {
  return (error) => {
    throw failedOnFile('written', path, error);
  };
}
