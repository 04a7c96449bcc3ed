import { HyperferryError } from './error.js';

/** The parameters of a connection, by their libpq keywords. */
export type Parameters = Readonly<Record<string, string>>;

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Every keyword that libpq knows up to version 18, and the environment variable that it takes a missing value from.
 * Source: `PQconninfoOptions` in src/interfaces/libpq/fe-connect.c.
 */
export const LIBPQ_PARAMETERS: Readonly<Record<string, string | undefined>> = {
  service: 'PGSERVICE',
  user: 'PGUSER',
  password: 'PGPASSWORD',
  passfile: 'PGPASSFILE',
  channel_binding: 'PGCHANNELBINDING',
  connect_timeout: 'PGCONNECT_TIMEOUT',
  dbname: 'PGDATABASE',
  host: 'PGHOST',
  hostaddr: 'PGHOSTADDR',
  port: 'PGPORT',
  client_encoding: 'PGCLIENTENCODING',
  options: 'PGOPTIONS',
  application_name: 'PGAPPNAME',
  fallback_application_name: undefined,
  keepalives: undefined,
  keepalives_idle: undefined,
  keepalives_interval: undefined,
  keepalives_count: undefined,
  tcp_user_timeout: undefined,
  sslmode: 'PGSSLMODE',
  sslnegotiation: 'PGSSLNEGOTIATION',
  sslcompression: 'PGSSLCOMPRESSION',
  sslcert: 'PGSSLCERT',
  sslkey: 'PGSSLKEY',
  sslcertmode: 'PGSSLCERTMODE',
  sslpassword: undefined,
  sslrootcert: 'PGSSLROOTCERT',
  sslcrl: 'PGSSLCRL',
  sslcrldir: 'PGSSLCRLDIR',
  sslsni: 'PGSSLSNI',
  sslkeylogfile: undefined,
  requirepeer: 'PGREQUIREPEER',
  require_auth: 'PGREQUIREAUTH',
  min_protocol_version: 'PGMINPROTOCOLVERSION',
  max_protocol_version: 'PGMAXPROTOCOLVERSION',
  ssl_min_protocol_version: 'PGSSLMINPROTOCOLVERSION',
  ssl_max_protocol_version: 'PGSSLMAXPROTOCOLVERSION',
  gssencmode: 'PGGSSENCMODE',
  // Kerberos is refused, so what the environment says of it for other programs is no matter here.
  krbsrvname: undefined,
  gsslib: undefined,
  gssdelegation: undefined,
  replication: undefined,
  target_session_attrs: 'PGTARGETSESSIONATTRS',
  load_balance_hosts: 'PGLOADBALANCEHOSTS',
  scram_client_key: undefined,
  scram_server_key: undefined,
  oauth_issuer: undefined,
  oauth_client_id: undefined,
  oauth_client_secret: undefined,
  oauth_scope: undefined,
};

/** @throws HyperferryError `USAGE` when libpq has no such parameter. It names what looks like a name, and no value. */
export function checkKeyword(name: string): void {
  if (Object.hasOwn(LIBPQ_PARAMETERS, name)) return;
  // What is no name may be the rest of a password that was not quoted.
  throw usage(
    /^[A-Za-z_]\w*$/.test(name)
      ? `invalid connection option "${name}"`
      : 'a parameter of the connection string has no valid name',
  );
}

/**
 * Adds what the environment has for each parameter that neither the string nor its service gave.
 * Source: `conninfo_add_defaults()`.
 */
export function withEnvironment(given: Parameters, environment: Environment): Parameters {
  const all: Record<string, string> = { ...given };
  for (const [keyword, variable] of Object.entries(LIBPQ_PARAMETERS)) {
    const value = variable === undefined ? undefined : environment[variable];
    if (value !== undefined) all[keyword] ??= value;
  }
  if (environment.PGREQUIRESSL?.startsWith('1')) all.sslmode ??= 'require';
  if (all.sslrootcert === 'system') all.sslmode ??= 'verify-full';
  return all;
}

export function usage(message: string): HyperferryError {
  return new HyperferryError('USAGE', message, {
    hint: 'Example: postgresql://postgres@old.example.com:5432/tsdb',
  });
}
