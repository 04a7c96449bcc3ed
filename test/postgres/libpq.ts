import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { type Connection, passfileOf, passwordFor } from '../../src/postgres/connection-string.js';
import { LIBPQ_PARAMETERS, type Parameters } from '../../src/postgres/libpq-parameters.js';

/** What a program needs of this process's environment to run at all, find files, and read them as this process does. */
const INHERITED =
  /^(PATH|HOME|LANG|LANGUAGE|LC_\w+|TZ|TMPDIR|LD_LIBRARY_PATH|DYLD_\w+|SSL_CERT_FILE|SSL_CERT_DIR|OPENSSL_CONF|SystemRoot)$/;

/**
 * Parameters that no variable can carry, and those that an older libpq would not look for in the environment: it
 * refuses an unknown parameter of a service, where it would connect without what an unknown variable asks for.
 */
const BY_SERVICE = [
  'keepalives',
  'keepalives_idle',
  'keepalives_interval',
  'keepalives_count',
  'tcp_user_timeout',
  'sslpassword',
  'sslcertmode',
  'sslnegotiation',
  'require_auth',
];

/** What an older libpq does anyway. */
const DEFAULTS = ['sslnegotiation=postgres', 'sslcertmode=allow'];

/** Passwords go by a way of their own, and encodings and services are settled before a program runs. */
const NOT_BY_ENVIRONMENT = [...BY_SERVICE, 'service', 'password', 'passfile', 'client_encoding'];

/**
 * Runs a program of PostgreSQL's that connects by libpq, to the same place in the same way as a session is to.
 * @returns what it wrote on stdout
 */
export async function runByLibpq(
  program: string,
  parameters: readonly string[],
  connection: Connection,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'hyperferry-libpq-'));
  try {
    const service = serviceDefinition(connection);
    const file = join(folder, 'services');
    if (service) await writeFile(file, service);
    const { stdout } = await execa(program, parameters, {
      env: {
        ...present(Object.fromEntries(Object.entries(process.env).filter(([name]) => INHERITED.test(name)))),
        ...libpqEnvironment(connection),
        ...(service ? { PGSERVICE: SERVICE, PGSERVICEFILE: file } : {}),
      },
      extendEnv: false,
      stdin: 'ignore',
    });
    return stdout;
  } finally {
    await rm(folder, { recursive: true });
  }
}

const SERVICE = 'of-a-test';

/** The environment that makes a libpq program connect to the same place in the same way. */
function libpqEnvironment(connection: Connection): Record<string, string> {
  const { hosts, parameters, home } = connection;
  const passwords = new Set(hosts.map((host) => passwordFor(connection, host)));
  const [password] = passwords;
  return present({
    ...byEnvironment(parameters),
    HOME: home,
    PGHOST: hosts.map(({ host }) => host).join(','),
    PGHOSTADDR: hosts.some(({ hostaddr }) => hostaddr)
      ? hosts.map(({ hostaddr }) => hostaddr ?? '').join(',')
      : undefined,
    PGPORT: hosts.map(({ port }) => port).join(','),
    PGUSER: connection.user,
    PGDATABASE: connection.database,
    // Hosts with a password each need the file that has them.
    ...(passwords.size === 1 && password ? { PGPASSWORD: password } : { PGPASSFILE: passfileOf(connection) }),
    PGSSLMODE: connection.sslMode,
    PGCONNECT_TIMEOUT: String(connection.connectTimeout / 1000),
    // Sessions cannot use it, and a program is to connect as they do.
    PGGSSENCMODE: 'disable',
  });
}

/** The definition of a service that gives what the environment cannot; undefined where there is nothing to give. */
function serviceDefinition({ parameters }: Connection): string | undefined {
  const lines = BY_SERVICE.filter((keyword) => parameters[keyword])
    .map((keyword) => `${keyword}=${parameters[keyword]}\n`)
    .filter((line) => !DEFAULTS.includes(line.trimEnd()));
  return lines.length > 0 ? `[${SERVICE}]\n${lines.join('')}` : undefined;
}

function byEnvironment(parameters: Parameters): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const [keyword, value] of Object.entries(parameters)) {
    const variable = LIBPQ_PARAMETERS[keyword];
    if (variable && !NOT_BY_ENVIRONMENT.includes(keyword)) environment[variable] = value;
  }
  return environment;
}

function present(environment: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
