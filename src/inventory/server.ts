import type { Session } from '../postgres/session.js';

/** A server, the database that the session is in, and what the session's role may do there. */
export interface Server {
  /** `server_version_num`: 170006 for 17.6. */
  readonly version: number;
  readonly major: number;
  readonly database: string;
  readonly databaseOid: number;
  readonly encoding: string;
  readonly isReplica: boolean;
  /** Whether something stands in between that hands out other process ids than the server's: a pooler. */
  readonly isPooled: boolean;
  readonly role: string;
  readonly isSuperuser: boolean;
  readonly maxConnections: number;
  readonly usedConnections: number;
  readonly reservedConnections: number;
  /** What else limits the role's connections: nothing where it is a superuser. */
  readonly connectionLimits: readonly ConnectionLimit[];
  readonly maxLocksPerTransaction: number;
  readonly maxPreparedTransactions: number;
  /** What a session that sets nothing has, of the server, the database and the role: names and values. */
  readonly sessionDefaults: Readonly<Record<string, string>>;
  readonly preloadsTimescale: boolean;
}

/** `ALTER DATABASE … CONNECTION LIMIT`, and that of the role. */
export interface ConnectionLimit {
  readonly of: 'database' | 'role';
  /** Quoted. */
  readonly name: string;
  readonly limit: number;
  readonly used: number;
}

const READ_SERVER = `
SELECT pg_catalog.current_setting('server_version_num')::int AS version,
       d.datname AS database, d.oid::int8 AS "databaseOid",
       pg_catalog.pg_encoding_to_char(d.encoding) AS encoding,
       pg_catalog.pg_is_in_recovery() AS "isReplica", pg_catalog.pg_backend_pid() AS pid,
       current_user::text AS role,
       (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) AS "isSuperuser",
       pg_catalog.current_setting('max_connections')::int AS "maxConnections",
       used."onServer" AS "usedConnections",
       pg_catalog.current_setting('superuser_reserved_connections')::int AS "reservedConnections",
       (SELECT COALESCE(pg_catalog.json_agg(l), '[]')
        FROM (VALUES ('database', pg_catalog.quote_ident(d.datname), d.datconnlimit, used."inDatabase"),
                     ('role', pg_catalog.quote_ident(r.rolname), r.rolconnlimit, used."ofRole")) AS l ("of", name, "limit", used)
        WHERE l."limit" >= 0 AND NOT r.rolsuper) AS "connectionLimits",
       pg_catalog.current_setting('max_locks_per_transaction')::int AS "maxLocksPerTransaction",
       pg_catalog.current_setting('max_prepared_transactions')::int AS "maxPreparedTransactions",
       (SELECT pg_catalog.json_object_agg(name, reset_val) FROM pg_catalog.pg_settings
        WHERE name IN ('search_path', 'TimeZone', 'DateStyle', 'IntervalStyle', 'extra_float_digits', 'bytea_output',
                       'lc_monetary', 'lc_numeric', 'lc_time', 'xmlbinary', 'default_text_search_config')
       ) AS "sessionDefaults",
       EXISTS (SELECT FROM pg_catalog.pg_settings WHERE name LIKE 'timescaledb.%') AS "preloadsTimescale"
FROM pg_catalog.pg_database d
JOIN pg_catalog.pg_roles r ON r.rolname = session_user
CROSS JOIN LATERAL (
  SELECT pg_catalog.count(*)::int AS "onServer", (pg_catalog.count(*) FILTER (WHERE datid = d.oid))::int AS "inDatabase",
         (pg_catalog.count(*) FILTER (WHERE usesysid = r.oid))::int AS "ofRole"
  FROM pg_catalog.pg_stat_activity
  -- Of others' sessions, a role without rights sees neither kind nor state; TimescaleDB's workers have a name.
  WHERE backend_type = 'client backend'
     OR backend_type IS NULL AND datid IS NOT NULL AND application_name NOT LIKE 'TimescaleDB Background%') AS used
WHERE d.datname = pg_catalog.current_database()`;

export async function readServer(session: Session): Promise<Server> {
  const row = await session.one<Omit<Server, 'major' | 'isPooled'> & { pid: number }>(READ_SERVER);
  const { pid, ...facts } = row;
  return {
    ...facts,
    databaseOid: Number(facts.databaseOid),
    major: Math.floor(facts.version / 10_000),
    isPooled: pid !== session.announcedProcessId,
  };
}

/** `pg_control_system()` may be taken from a role: then the name tells at least databases of a server with one number apart. */
const READ_IDENTITY = `
SELECT pg_catalog.concat_ws('/', d.oid,
         CASE WHEN pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')
              THEN (SELECT system_identifier::text FROM pg_catalog.pg_control_system()) ELSE d.datname END) AS identity
FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()`;

/** Tells one database from all others, also when its address changes. */
export async function readDatabaseIdentity(session: Session): Promise<string> {
  return (await session.one<{ identity: string }>(READ_IDENTITY)).identity;
}

/** Of all that the database has on its server's disk. */
export async function readDatabaseBytes(session: Session): Promise<number> {
  const { bytes } = await session.one<{ bytes: string }>(
    'SELECT pg_catalog.pg_database_size(pg_catalog.current_database()) AS bytes',
  );
  return Number(bytes);
}

/** The locks that one transaction may count on having. Source: the documentation of `max_locks_per_transaction`. */
export function lockRoom(server: Server): number {
  return server.maxLocksPerTransaction * (server.maxConnections + server.maxPreparedTransactions);
}

/** Connections that the server still gives to this role in this database. */
export function freeConnections(server: Server): number {
  const reserved = server.isSuperuser ? 0 : server.reservedConnections;
  const limits = server.connectionLimits.map(({ limit, used }) => limit - used);
  return Math.min(server.maxConnections - server.usedConnections - reserved, ...limits);
}
