import { readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { execa } from 'execa';
import type { Connection } from './connection-string.js';
import { HyperferryError } from './error.js';
import { libpqEnvironment, programEnvironment, serviceDefinition } from './libpq-environment.js';
import { withPrivateFile } from './private-file.js';

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
 * @param folder where to look first, and only, when given
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
 * Runs a client program against a server and gives what it wrote on stdout. It gets the parameters of that connection,
 * the password among them, by its environment, and what the environment cannot carry by a file that only it can read.
 */
export async function runClientProgram(
  program: ClientProgram,
  parameters: readonly string[],
  connection: Connection,
  signal?: AbortSignal,
): Promise<Buffer> {
  const environment = { ...programEnvironment(), ...libpqEnvironment(connection) };
  // A backslash in a literal means itself, whatever the database sets: so reads it who runs what pg_dump writes.
  environment.PGOPTIONS = `${environment.PGOPTIONS ?? ''} -c standard_conforming_strings=on`.trim();
  const service = serviceDefinition(connection, SERVICE);
  if (!service) return run(program, parameters, environment, [], signal);
  return withPrivateFile(service, (descriptor) =>
    run(
      program,
      parameters,
      { ...environment, PGSERVICE: SERVICE, PGSERVICEFILE: '/dev/fd/3' },
      [descriptor],
      signal,
    ),
  );
}

const SERVICE = 'hyperferry';

/** What libpq says of a server that went away in the middle. */
const CONNECTION_ENDED =
  /server closed the connection unexpectedly|terminating connection|no connection to the server/;

async function run(
  program: ClientProgram,
  parameters: readonly string[],
  environment: Readonly<Record<string, string>>,
  descriptors: readonly number[],
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const result = await execa(program.path, parameters, {
    env: environment,
    // This process's own may name other databases, with their passwords.
    extendEnv: false,
    // The types of execa know descriptors up to 9 alone.
    stdio: ['ignore', 'pipe', 'pipe', ...(descriptors as readonly 3[])],
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
    throw new HyperferryError(code, `${program.path} failed: ${said || result.shortMessage}`);
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
