import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import type { ConnectionOptions } from 'node:tls';
import { z } from 'zod';
import { HyperferryError } from './error.js';

const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;

const parametersSchema = z.object({
  sslmode: z.enum(SSL_MODES, { error: `sslmode must be one of ${SSL_MODES.join(', ')}` }).optional(),
  port: z
    .string()
    .regex(/^(\d{1,5}(,|$))+$/, 'port must be a number, or a comma separated list of numbers')
    .optional(),
  connect_timeout: z.string().regex(/^\d+$/, 'connect_timeout must be a number of seconds').optional(),
});

/** Where a database is and who asks: what libpq would make of the same string and environment. */
export interface Connection {
  /** The hosts to try, in order. A host that starts with `/` is the folder of a Unix socket. */
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  readonly user: string;
  readonly database: string;
  readonly password: string | undefined;
  readonly sslMode: (typeof SSL_MODES)[number];
  /** Milliseconds. */
  readonly connectTimeout: number;
  /** The other libpq parameters that were given, by their libpq names. */
  readonly parameters: Readonly<Record<string, string>>;
}

/**
 * Reads a connection URI or a `key=value` string as libpq does, and libpq's environment variables for what it
 * leaves out.
 * Source: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING
 *
 * @throws HyperferryError `USAGE` when the text is no connection string. The message never holds the text,
 *   which may contain a password.
 */
export function parseConnection(
  text: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Connection {
  const given = /^postgres(ql)?:\/\//.test(text) ? parseUri(text) : parseKeywords(text);
  const valid = parametersSchema.safeParse(given);
  if (!valid.success) {
    throw usage(valid.error.issues[0]?.message ?? 'the connection string is not valid');
  }
  const user = given.user ?? environment.PGUSER ?? userInfo().username;
  const hosts = (given.host || given.hostaddr || environment.PGHOST || 'localhost').split(',');
  const ports = (given.port || environment.PGPORT || '5432').split(',').map(Number);
  if (ports.length !== 1 && ports.length !== hosts.length) {
    throw usage(
      `expected one port, or one for each of the ${hosts.length} hosts, but ${ports.length} ports came`,
    );
  }
  const impossible = ports.find((port) => port < 1 || port > 65535);
  if (impossible !== undefined) throw usage(`expected a port from 1 to 65535, but ${impossible} came`);
  return {
    hosts: hosts.map((host, index) => ({ host, port: ports[ports.length === 1 ? 0 : index] ?? 5432 })),
    user,
    database: given.dbname || environment.PGDATABASE || user,
    password: given.password ?? environment.PGPASSWORD,
    sslMode: valid.data.sslmode ?? sslModeFrom(environment.PGSSLMODE),
    connectTimeout: Number(given.connect_timeout ?? environment.PGCONNECT_TIMEOUT ?? 15) * 1000,
    parameters: given,
  };
}

/** How a connection is named in messages and reports: never with its password. */
export function describeConnection(connection: Connection): string {
  const hosts = connection.hosts.map(
    ({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`,
  );
  return `${connection.user}@${hosts.join(',')}/${connection.database}`;
}

/** A connection string for others to use: without the password, and without what is on this machine alone. */
export function publicConnectionString({ hosts, user, database, sslMode }: Connection): string {
  const parameters = {
    host: hosts.map(({ host }) => host).join(','),
    port: hosts.map(({ port }) => port).join(','),
    user,
    dbname: database,
    sslmode: sslMode,
  };
  return Object.entries(parameters)
    .map(([name, value]) => `${name}='${value.replace(/[\\']/g, '\\$&')}'`)
    .join(' ');
}

/** Whether every host is this machine: a socket folder or a loopback address. */
export function isOnThisMachine({ hosts }: Connection): boolean {
  return hosts.every(
    ({ host }) => host.startsWith('/') || host === 'localhost' || host === '::1' || /^127\./.test(host),
  );
}

/** The environment that makes a libpq program connect to the same place in the same way. */
export function libpqEnvironment(connection: Connection): Record<string, string> {
  const named: Record<string, string | undefined> = {
    PGHOST: connection.hosts.map(({ host }) => host).join(','),
    PGPORT: connection.hosts.map(({ port }) => port).join(','),
    PGUSER: connection.user,
    PGDATABASE: connection.database,
    PGPASSWORD: connection.password,
    PGSSLMODE: connection.sslMode,
    PGSSLROOTCERT: connection.parameters.sslrootcert,
    PGSSLCERT: connection.parameters.sslcert,
    PGSSLKEY: connection.parameters.sslkey,
    PGPASSFILE: connection.parameters.passfile,
    PGOPTIONS: connection.parameters.options,
  };
  return Object.fromEntries(
    Object.entries(named).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

/** TLS settings for each attempt that the SSL mode asks for; `false` is an attempt without TLS. */
export function tlsAttempts(connection: Connection, host: string): (ConnectionOptions | false)[] {
  if (host.startsWith('/')) return [false];
  switch (connection.sslMode) {
    case 'disable':
      return [false];
    case 'allow':
      return [false, { rejectUnauthorized: false }];
    case 'prefer':
      return [{ rejectUnauthorized: false }, false];
    case 'require':
      // With a root certificate file, libpq treats `require` as `verify-ca`.
      return [connection.parameters.sslrootcert ? verifyingTls(connection, false) : clientTls(connection)];
    case 'verify-ca':
      return [verifyingTls(connection, false)];
    case 'verify-full':
      return [verifyingTls(connection, true)];
  }
}

function clientTls(connection: Connection): ConnectionOptions {
  const { sslcert, sslkey } = connection.parameters;
  return {
    rejectUnauthorized: false,
    ...(sslcert ? { cert: readFileSync(sslcert) } : {}),
    ...(sslkey ? { key: readFileSync(sslkey) } : {}),
  };
}

function verifyingTls(connection: Connection, checkHost: boolean): ConnectionOptions {
  const { sslrootcert } = connection.parameters;
  return {
    ...clientTls(connection),
    rejectUnauthorized: true,
    ...(sslrootcert && sslrootcert !== 'system' ? { ca: readFileSync(sslrootcert) } : {}),
    ...(checkHost ? {} : { checkServerIdentity: () => undefined }),
  };
}

function sslModeFrom(text: string | undefined): (typeof SSL_MODES)[number] {
  return SSL_MODES.find((mode) => mode === text) ?? 'prefer';
}

/** `postgresql://[user[:password]@][host][:port][,…][/dbname][?name=value[&…]]` */
function parseUri(text: string): Record<string, string> {
  const match = /^postgres(?:ql)?:\/\/(?:([^@/?]*)@)?([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/s.exec(text);
  if (!match) throw usage('the connection URI is not of the form postgresql://user@host:port/database');
  const [, login, hostList = '', database, query] = match;
  const parameters: Record<string, string> = {};
  if (login) {
    const colon = login.indexOf(':');
    parameters.user = decode(colon < 0 ? login : login.slice(0, colon));
    if (colon >= 0) parameters.password = decode(login.slice(colon + 1));
  }
  const hosts = hostList.split(',').map(splitHost);
  if (hosts.some(({ host }) => host)) parameters.host = hosts.map(({ host }) => host).join(',');
  if (hosts.some(({ port }) => port)) parameters.port = hosts.map(({ port }) => port || '5432').join(',');
  if (database) parameters.dbname = decode(database);
  for (const pair of query ? query.split('&') : []) {
    const equals = pair.indexOf('=');
    if (equals <= 0) throw usage('a parameter after ? in the connection URI is not of the form name=value');
    parameters[decode(pair.slice(0, equals))] = decode(pair.slice(equals + 1));
  }
  return parameters;
}

function splitHost(text: string): { host: string; port: string } {
  const match = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/.exec(text);
  if (!match) throw usage('a host in the connection URI is not valid; an IPv6 address stands in [brackets]');
  const host = match[1] ?? '';
  return { host: decode(host.replace(/^\[|\]$/g, '')), port: match[2] ?? '' };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw usage('a % in the connection URI is not followed by two hexadecimal digits; write it as %25');
  }
}

/** `name = value` pairs; a value with spaces stands in single quotes, `\` escapes. */
function parseKeywords(text: string): Record<string, string> {
  const parameters: Record<string, string> = {};
  const pair = /\s*([a-z_]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))(?:\s+|$)/gsy;
  while (pair.lastIndex < text.length) {
    const match = pair.exec(text);
    if (!match?.[1]) {
      throw usage('a connection is given as postgresql://user@host:port/database or as name=value pairs');
    }
    parameters[match[1]] = (match[2] ?? match[3] ?? '').replace(/\\(.)/gs, '$1');
  }
  return parameters;
}

function usage(message: string): HyperferryError {
  return new HyperferryError('USAGE', message, {
    hint: 'Example: --source postgresql://postgres@old.example.com:5432/tsdb',
  });
}
