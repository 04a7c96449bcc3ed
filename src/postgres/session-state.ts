import type { Connection } from './connection-string.js';
import { databaseError } from './database-error.js';
import { HyperferryError } from './error.js';

/**
 * Settings of every session, so that no default of a server, a database or a role changes what is read or
 * written: the list that `pg_dump` sets in `setup_connection()` and writes in `_doSetFixedOutputState()`.
 * A timeout of a newer release is set where the server knows it.
 */
export const SET_FIXED_STATE = `
SELECT pg_catalog.set_config(name, value, false)
FROM (VALUES
  ('DateStyle', 'ISO, YMD'), ('IntervalStyle', 'postgres'), ('extra_float_digits', '3'),
  ('bytea_output', 'hex'), ('xmloption', 'content'), ('array_nulls', 'on'), ('quote_all_identifiers', 'off'),
  ('standard_conforming_strings', 'on'), ('synchronize_seqscans', 'off'), ('check_function_bodies', 'off'),
  ('client_min_messages', 'warning'), ('search_path', ''), ('row_security', 'off'),
  ('default_transaction_read_only', 'off'), ('default_transaction_isolation', 'read committed'),
  ('session_replication_role', 'origin'),
  -- TimescaleDB does in event triggers what the tables of a hypertable's chunks need. A superuser's to set.
  ('event_triggers', CASE WHEN pg_catalog.current_setting('is_superuser') = 'on' THEN 'on' END),
  -- What is refused would end the session, as what passes by itself does.
  ('exit_on_error', 'off'), ('restrict_nonsystem_relation_kind', ''),
  -- What is made lies where its definition says, which names what is not by default.
  ('default_tablespace', ''), ('default_table_access_method', 'heap'),
  -- The planner takes queries of the catalogs for dear ones: compiling cost more (0.2 s) than it saved.
  ('jit', 'off'),
  -- The catalogs of many chunks are sorted and joined in memory: in the 4 MB that are usual they go through files.
  ('work_mem', GREATEST(pg_catalog.pg_size_bytes(pg_catalog.current_setting('work_mem')) / 1024, 65536) || 'kB'),
  ('statement_timeout', '0'), ('lock_timeout', '0'), ('idle_in_transaction_session_timeout', '0'),
  ('idle_session_timeout', '0'), ('transaction_timeout', '0'),
  -- A firewall that drops a connection without a word is seen in two minutes, not in two hours.
  ('tcp_keepalives_idle', '60'), ('tcp_keepalives_interval', '10'), ('tcp_keepalives_count', '6'),
  -- A server process that is busy sees only so that its client is gone.
  ('client_connection_check_interval', '1000')
) AS fixed (name, value)
-- Setting what is so already would still need the right to set it. A setting that the server does not know is NULL here;
-- pg_settings, which would tell the same, is made of all settings at each look (2 ms a session).
WHERE pg_catalog.current_setting(name, true) <> value`;

/**
 * `ALTER DATABASE … SET role` is for others than a superuser, who would lose the rights that the target's checks have seen
 * as soon as the target has the source's settings. Another login may have its rights from there alone. A role that the
 * connection's own options name stays.
 */
export function ownRole({ parameters }: Pick<Connection, 'parameters'>): string {
  return NAMES_ROLE.test(parameters.options ?? '') ? '' : BE_SUPERUSER;
}

const NAMES_ROLE = /(?:^|\s)(?:-c\s*|--)role=/i;

const BE_SUPERUSER = `
SELECT pg_catalog.set_config('role', 'none', false)
WHERE current_user <> session_user AND (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = session_user);`;

/** Until the settings are there, the session has those that a connection string, a database or a role gives it. */
export function refusedSettings(side: 'source' | 'target', error: unknown): unknown {
  const refusal = databaseError(error);
  if (!refusal) return error;
  return new HyperferryError(
    'CONNECT',
    `the ${side} refused the settings of a new session: ${refusal.message}`,
    {
      cause: error,
      hint:
        refusal.code === QUERY_CANCELED
          ? `Raise the statement_timeout that sessions begin with on the ${side}: of the role, of the database, or in PGOPTIONS.`
          : refusal.hint,
    },
  );
}

const QUERY_CANCELED = '57014';

/**
 * What a session is told as it begins, where nothing may be sent before its first command: a database may be read only by
 * default, an extension's tables lie where that says, and an update takes longer than a timeout that the database has from
 * the source. A server refuses a session that names a setting which it does not know.
 */
export function bareState(serverVersion = 0): string {
  const timeouts = ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout'];
  if (serverVersion >= FIRST_WITH_TRANSACTION_TIMEOUT) timeouts.push('transaction_timeout');
  return [
    '-c default_transaction_read_only=off -c default_tablespace= -c default_table_access_method=heap',
    ...timeouts.map((name) => `-c ${name}=0`),
  ].join(' ');
}

const FIRST_WITH_TRANSACTION_TIMEOUT = 170_000;
