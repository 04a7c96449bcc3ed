import { chown } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../run.js';
import { SandboxError } from '../sandbox-error.js';

/** Runs a server's programs as the user who owns its data, and hands folders to that user. */
export interface ServerAccount {
  run(program: string, args: readonly string[]): Promise<string>;
  own(folder: string): Promise<void>;
}

/**
 * The caller, or `nobody` where the caller is root, whom PostgreSQL refuses.
 *
 * @param binFolder the server's programs
 * @param folder the server's own folder, where programs run
 */
export async function serverAccount(binFolder: string, folder: string): Promise<ServerAccount> {
  const account =
    process.getuid?.() === 0 ? await unprivileged(binFolder, folder) : { prefix: [], own: async () => {} };
  return {
    own: account.own,
    run(program, args) {
      const [first = program, ...rest] = [...account.prefix, join(binFolder, program), ...args];
      return run(first, rest, { cwd: folder, env: environment() });
    },
  };
}

/** Only what is named here: `PGDATA`, `PGPORT`, a locale or a time zone of the caller's would change the server. */
function environment(): Record<string, string> {
  return { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
}

async function unprivileged(binFolder: string, folder: string) {
  const [uid, gid] = await Promise.all([id('-u'), id('-g')]);
  const drop = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
  // Root's home is often closed to others; this lets the server read through it, and write nothing it does not own.
  // Without the secure bit, access(2) ignores the capability, and PostgreSQL asks access(2) whether a program is there.
  const read = [
    '--securebits=+no_setuid_fixup',
    '--inh-caps=+dac_read_search',
    '--ambient-caps=+dac_read_search',
  ];
  const reachable = await canReach(drop, [join(binFolder, 'postgres'), folder]);
  return {
    prefix: reachable ? drop : [...drop, ...read],
    own: (path: string) => chown(path, uid, gid),
  };
}

async function id(which: '-u' | '-g'): Promise<number> {
  return Number(await run('id', [which, 'nobody']));
}

async function canReach(drop: readonly string[], paths: readonly string[]): Promise<boolean> {
  const [setpriv = 'setpriv', ...args] = drop;
  try {
    for (const path of paths) await run(setpriv, [...args, 'test', '-x', path]);
    return true;
  } catch (error) {
    const cause = error instanceof SandboxError ? error.cause : undefined;
    // 1 is the answer of test(1); all else is setpriv's own failure.
    if (cause instanceof Object && 'exitCode' in cause && cause.exitCode === 1) return false;
    throw error;
  }
}
