import { existsSync } from 'node:fs';
import { isIP } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { checkParameters } from './check-parameters.js';
import { readConnectionText } from './connection-text.js';
import { type Environment, type Parameters, usage, withEnvironment } from './libpq-parameters.js';
import { DEFAULT_SOCKET_FOLDER, passwordFromFile } from './passfile.js';
import { withService } from './service-file.js';

/** One of the places where a database may be. */
export interface Host {
  /** A name or an address; what starts with `/` is the folder of a Unix socket. */
  readonly host: string;
  /** The address to connect to, where the name is not to be looked up. */
  readonly hostaddr?: string;
  readonly port: number;
}

/** Where a database is and who asks: what libpq would make of the same string and environment. */
export interface Connection {
  /** The hosts to try, in order. */
  readonly hosts: readonly Host[];
  readonly user: string;
  readonly database: string;
  /** The one that was given for all hosts; without it, the password file may have one for each. */
  readonly password: string | undefined;
  readonly sslMode: SslMode;
  /** Milliseconds for each address; 0 is without end. */
  readonly connectTimeout: number;
  /** All libpq parameters that were given but the password, by their libpq names, wherever they came from. */
  readonly parameters: Parameters;
  /** The folder in which libpq's default files are. */
  readonly home: string;
}

/** Milliseconds, as whole seconds: a timer of Node's takes no more than 2^31 - 1. */
const LONGEST_TIMER = 2_147_483_000;

export type SslMode = 'disable' | 'allow' | 'prefer' | 'require' | 'verify-ca' | 'verify-full';

/**
 * Reads a connection URI or a `name=value` string as libpq does. What it leaves out comes from the service it names,
 * then from libpq's environment variables, then from libpq's defaults.
 * Source: https://www.postgresql.org/docs/current/libpq-connect.html
 *
 * @throws HyperferryError `USAGE` when the text is no connection string, or asks for what cannot be honoured. The
 *   message never holds the text, which may contain a password.
 */
export function parseConnection(text: string, environment: Environment = process.env): Connection {
  const home = environment.HOME || userInfo().homedir;
  const given = withService(readConnectionText(text), environment, home);
  const { password, ...parameters } = withEnvironment(given, environment);
  checkParameters(parameters);
  const user = parameters.user || userInfo().username;
  return {
    hosts: hostsOf(parameters),
    user,
    database: parameters.dbname || user,
    password,
    sslMode: (parameters.sslmode as SslMode | undefined) ?? 'prefer',
    connectTimeout: Math.min(Math.max(0, Number(parameters.connect_timeout ?? 15)) * 1000, LONGEST_TIMER),
    parameters,
    home,
  };
}

/** The file in which passwords are looked for. */
export function passfileOf({ parameters, home }: Connection): string {
  return parameters.passfile || join(home, '.pgpass');
}

/** The password for one of the hosts: the one that was given, else the password file's. */
export function passwordFor(connection: Connection, { host, port }: Host): string | undefined {
  // libpq takes an empty password for none.
  if (connection.password) return connection.password;
  const { user, database } = connection;
  return passwordFromFile(passfileOf(connection), { host, port, user, database }) || undefined;
}

/** How a connection is named in messages and reports: never with its password. */
export function describeConnection(connection: Connection): string {
  return `${connection.user}@${connection.hosts.map(describeHost).join(',')}/${connection.database}`;
}

export function describeHost({ host, port }: Host): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** What leads to the same server by the same precautions, and is no secret. */
const PUBLIC_PARAMETERS = [
  'target_session_attrs',
  'channel_binding',
  'require_auth',
  'sslnegotiation',
  'ssl_min_protocol_version',
  'ssl_max_protocol_version',
];

/** A connection string for others to use: without the password, and without what is on this machine alone. */
export function publicConnectionString({ hosts, user, database, sslMode, parameters }: Connection): string {
  const given = PUBLIC_PARAMETERS.map((keyword) => [keyword, parameters[keyword] ?? '']);
  const all = Object.entries({
    host: hosts.map(({ host }) => host).join(','),
    hostaddr: hosts.some(({ hostaddr }) => hostaddr)
      ? hosts.map(({ hostaddr }) => hostaddr ?? '').join(',')
      : '',
    port: hosts.map(({ port }) => port).join(','),
    user,
    dbname: database,
    sslmode: sslMode,
    // A file is on this machine alone; this is a word.
    sslrootcert: parameters.sslrootcert === 'system' ? 'system' : '',
    ...Object.fromEntries(given),
  } as Record<string, string>);
  return all
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}='${value.replace(/[\\']/g, '\\$&')}'`)
    .join(' ');
}

/** Whether every host is this machine: a socket folder or a loopback address. */
export function isOnThisMachine({ hosts }: Connection): boolean {
  return hosts
    .map(({ host, hostaddr }) => hostaddr ?? host)
    .every((host) => isSocketFolder(host) || host === 'localhost' || host === '::1' || /^127\./.test(host));
}

export function isSocketFolder(host: string): boolean {
  return host.startsWith('/');
}

/** Pairs up the lists of hosts, addresses and ports, as `pqConnectOptions2()` does. */
function hostsOf(parameters: Parameters): Host[] {
  const addresses = parameters.hostaddr ? parameters.hostaddr.split(',') : [];
  const names = parameters.host ? parameters.host.split(',') : addresses.map(() => '');
  const count = Math.max(names.length, 1);
  if (addresses.length > 0 && names.length !== addresses.length) {
    throw usage(`expected as many hosts as values of hostaddr: ${names.length} and ${addresses.length} came`);
  }
  const ports = (parameters.port || '').split(',').map(portOf);
  if (ports.length !== 1 && ports.length !== count) {
    throw usage(`expected one port, or one for each of the ${count} hosts, but ${ports.length} ports came`);
  }
  return Array.from({ length: count }, (_, index) =>
    hostOf(
      names[index] ?? '',
      addresses[index] ?? '',
      ports[ports.length === 1 ? 0 : index] ?? 5432,
      parameters,
    ),
  );
}

function hostOf(name: string, hostaddr: string, port: number, { sslmode }: Parameters): Host {
  if (name.startsWith('@')) throw usage('a Unix socket in the abstract namespace is not supported');
  if (!hostaddr) return { host: name || defaultHost(port), port };
  if (isIP(hostaddr) === 0) throw usage('hostaddr must be an IP address, or a comma separated list of them');
  if (!name && sslmode === 'verify-full') {
    throw usage(
      'expected a host beside each hostaddr: sslmode=verify-full compares its name with the certificate',
    );
  }
  return { host: name || hostaddr, hostaddr, port };
}

/**
 * libpq is built to connect to a Unix socket in one folder, whether there is a server or not. Which folder that is
 * depends on the build, so one without a socket is passed over for what libpq does where there are none: localhost.
 */
function defaultHost(port: number): string {
  return existsSync(`${DEFAULT_SOCKET_FOLDER}/.s.PGSQL.${port}`) ? DEFAULT_SOCKET_FOLDER : 'localhost';
}

function portOf(text: string): number {
  if (text === '') return 5432;
  if (!/^\s*\d+\s*$/.test(text)) throw usage('port must be a number, or a comma separated list of numbers');
  const port = Number(text);
  if (port < 1 || port > 65535) throw usage(`expected a port from 1 to 65535, but ${port} came`);
  return port;
}
