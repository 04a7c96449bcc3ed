import { readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { execa } from 'execa';
import { HyperferryError } from './error.js';
import { lendConnection } from './lent-connection.js';
import { programEnvironment } from './program-environment.js';
import type { Session } from './session.js';

export interface ClientProgram {
  readonly path: string;
  readonly major: number;
}

/** Folders where packages put the programs of one PostgreSQL version, with `*` for the version. */
const PACKAGE_FOLDERS = [
  ['/usr/lib/postgresql', '/bin'],
  ['/usr', '/bin', /^pgsql-\d+$/],
  ['/opt/homebrew/opt', '/bin', /^(postgresql|libpq)/],
  ['/usr/local/opt', '/bin', /^(postgresql|libpq)/],
] as const;

/**
 * Finds the `pg_dump` to read a source with: one at least as new as the source (an older one refuses), and of those
 * the nearest to the target, since it writes what its own server version understands.
 *
 * @param folder the only place to look, when given
 * @throws HyperferryError `CLIENT_PROGRAM` that says where it looked and what it found
 */
export async function findPgDump(
  folder: string | undefined,
  sourceMajor: number,
  targetMajor: number,
): Promise<ClientProgram> {
  const folders = folder ? [folder] : searchFolders();
  const found: ClientProgram[] = [];
  for (const candidate of folders) {
    const path = join(candidate, 'pg_dump');
    const major = await majorVersion(path);
    if (major !== undefined) found.push({ path, major });
  }
  const [best] = found
    .filter(({ major }) => major >= sourceMajor)
    .sort((a, b) => Math.abs(a.major - targetMajor) - Math.abs(b.major - targetMajor));
  if (best) return best;
  const seen = found.map(({ path, major }) => `${path} (${major})`).join(', ') || 'none';
  throw new HyperferryError(
    'CLIENT_PROGRAM',
    `expected pg_dump of PostgreSQL ${sourceMajor} or newer, found ${seen}; looked in ${folders.join(', ')}`,
    {
      hint: `Install the client programs of PostgreSQL ${sourceMajor}, or name their folder: --pg-bin FOLDER`,
    },
  );
}

/**
 * Runs a client program with the connection of a session, which it ends, and gives what it wrote on stdout. Nothing that
 * the program gets holds a password.
 *
 * @param options.reword gives what the server is asked in place of what the program asks
 */
export async function runClientProgram(
  program: ClientProgram,
  parameters: readonly string[],
  session: Session,
  options: { readonly reword?: (query: string) => string; readonly signal?: AbortSignal } = {},
): Promise<Buffer> {
  const { reword = (query) => query, signal } = options;
  return lendConnection(session, reword, (environment) =>
    // Its errors are read by their English words.
    run(program, parameters, { ...programEnvironment(), LC_ALL: 'C', ...environment }, signal),
  );
}

/** What libpq says of a server that went away in the middle. */
const CONNECTION_ENDED =
  /server closed the connection unexpectedly|terminating connection|no connection to the server/;

async function run(
  program: ClientProgram,
  parameters: readonly string[],
  environment: Readonly<Record<string, string>>,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const result = await execa(program.path, parameters, {
    env: environment,
    // This process's own may name other databases, with their passwords.
    extendEnv: false,
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'buffer',
    stripFinalNewline: false,
    maxBuffer: 1024 ** 3,
    reject: false,
    ...(signal ? { cancelSignal: signal } : {}),
  });
  if (signal?.aborted) throw new HyperferryError('INTERRUPTED', `${program.path} was stopped`);
  if (result.failed) {
    const said = Buffer.from(result.stderr ?? [])
      .toString('utf8')
      .trim();
    const code = CONNECTION_ENDED.test(said) ? 'CONNECTION_LOST' : 'CLIENT_PROGRAM';
    throw new HyperferryError(code, `${program.path} failed: ${said || result.shortMessage}`, {
      hint:
        code === 'CLIENT_PROGRAM'
          ? 'Mend what it says on the source, most often a right that the role lacks, or name another pg_dump: --pg-bin FOLDER'
          : undefined,
    });
  }
  return Buffer.from(result.stdout ?? []);
}

function searchFolders(): string[] {
  const onPath = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  const packaged = PACKAGE_FOLDERS.flatMap(([parent, bin, pattern]) =>
    entries(parent)
      .filter((name) => (pattern ?? /^\d+$/).test(name))
      .map((name) => `${parent}/${name}${bin}`),
  );
  return [...new Set([...onPath, ...packaged])];
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // there is none on this machine
  }
}

/** `pg_dump (PostgreSQL) 17.6 (Debian …)` */
async function majorVersion(path: string): Promise<number | undefined> {
  const { stdout, failed } = await execa(path, ['--version'], {
    reject: false,
    stdin: 'ignore',
    env: programEnvironment(),
    extendEnv: false,
  });
  const match = failed ? undefined : /\(PostgreSQL\) (\d+)/.exec(stdout ?? '');
  return match ? Number(match[1]) : undefined;
}
