import { removeLedger } from '../engine/ledger.js';
import { readDefaultPrivileges } from '../inventory/default-privileges.js';
import type { Connection } from '../postgres/connection-string.js';
import { quoteIdentifier } from '../postgres/quoting.js';
import { inSession, type Session } from '../postgres/session.js';
import { dropHypertables } from '../timescale/drop.js';
import { endRestoreMode, isInRestoreMode, readTimescale } from '../timescale/timescale.js';
import { DROP_FROM_PUBLIC, STANDS_ALONE } from './drop-from-public.js';

const IS_SUPERUSER = '(SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)';

/** A transaction that drops more tables would need more locks than a server with default settings has. */
const TABLES_A_TRANSACTION = 100;

/**
 * Each row is one command. Chunks and other children come before what they are children of, so that no command drops
 * many more than it names.
 */
const READ_TABLES = `
SELECT pg_catalog.format('DROP %s IF EXISTS %s CASCADE', kind, pg_catalog.string_agg(name, ', ')) AS command
FROM (SELECT k.kind, pg_catalog.format('%I.%I', n.nspname, relname) AS name,
             (pg_catalog.row_number() OVER (PARTITION BY k.kind ORDER BY relkind = 'p',
               NOT EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhrelid = o.oid)) - 1) / ${TABLES_A_TRANSACTION} AS part
      FROM pg_catalog.pg_class o JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace
      CROSS JOIN LATERAL (SELECT CASE relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END) AS k (kind)
      WHERE relkind IN ('r', 'p', 'm') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
        AND ${STANDS_ALONE}) AS t
GROUP BY kind, part ORDER BY kind, part`;

/** They would act on what is dropped. */
const READ_EVENT_TRIGGERS = `
SELECT pg_catalog.format('DROP EVENT TRIGGER IF EXISTS %I CASCADE', evtname) AS command
FROM pg_catalog.pg_event_trigger o WHERE ${STANDS_ALONE}`;

/** Each row is one command. What a command before has dropped with it is skipped by IF EXISTS. */
const READ_DROP_COMMANDS = `
SELECT pg_catalog.format('DROP PUBLICATION IF EXISTS %I CASCADE', pubname) AS command FROM pg_catalog.pg_publication
UNION ALL
SELECT pg_catalog.format('DROP SCHEMA IF EXISTS %I CASCADE', nspname) FROM pg_catalog.pg_namespace o
WHERE nspname NOT LIKE 'pg\\_%' AND nspname NOT IN ('information_schema', 'public') AND ${STANDS_ALONE}
UNION ALL
SELECT pg_catalog.format('DROP FOREIGN DATA WRAPPER IF EXISTS %I CASCADE', fdwname)
FROM pg_catalog.pg_foreign_data_wrapper o WHERE ${STANDS_ALONE}
UNION ALL
SELECT pg_catalog.format('DROP %s IF EXISTS public.%I CASCADE',
         CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'FOREIGN TABLE' END, relname)
FROM pg_catalog.pg_class o
WHERE relnamespace = pg_catalog.to_regnamespace('public') AND relkind IN ('v', 'S', 'f') AND ${STANDS_ALONE}
UNION ALL
SELECT pg_catalog.format('DROP ROUTINE IF EXISTS %s CASCADE', o.oid::pg_catalog.regprocedure)
FROM pg_catalog.pg_proc o WHERE pronamespace = pg_catalog.to_regnamespace('public') AND ${STANDS_ALONE}
UNION ALL
SELECT pg_catalog.format('DROP TYPE IF EXISTS public.%I CASCADE', typname)
FROM pg_catalog.pg_type o WHERE typnamespace = pg_catalog.to_regnamespace('public') AND ${STANDS_ALONE}
UNION ALL ${DROP_FROM_PUBLIC}
UNION ALL
SELECT pg_catalog.format('DROP CAST IF EXISTS (%s AS %s) CASCADE', castsource::pg_catalog.regtype, casttarget::pg_catalog.regtype)
FROM pg_catalog.pg_cast o
JOIN pg_catalog.pg_type s ON s.oid = castsource JOIN pg_catalog.pg_type t ON t.oid = casttarget
WHERE o.oid >= 16384 AND ${STANDS_ALONE}
  AND (pg_catalog.pg_has_role(s.typowner, 'USAGE') OR pg_catalog.pg_has_role(t.typowner, 'USAGE'))
UNION ALL
SELECT pg_catalog.format('DROP LANGUAGE IF EXISTS %I CASCADE', lanname)
FROM pg_catalog.pg_language o WHERE o.oid >= 16384 AND pg_catalog.pg_has_role(lanowner, 'USAGE') AND ${STANDS_ALONE}
UNION ALL
SELECT pg_catalog.format('DROP ACCESS METHOD IF EXISTS %I CASCADE', amname)
FROM pg_catalog.pg_am o WHERE o.oid >= 16384 AND ${IS_SUPERUSER} AND ${STANDS_ALONE}
UNION ALL
SELECT pg_catalog.format(CASE setrole WHEN 0 THEN 'ALTER DATABASE %2$I RESET ALL' ELSE 'ALTER ROLE %1$I IN DATABASE %2$I RESET ALL' END,
         pg_catalog.pg_get_userbyid(setrole), datname)
FROM pg_catalog.pg_db_role_setting JOIN pg_catalog.pg_database d ON d.oid = setdatabase
WHERE datname = pg_catalog.current_database() AND (setrole = 0 OR ${IS_SUPERUSER})
UNION ALL
SELECT pg_catalog.format('COMMENT ON DATABASE %I IS NULL', pg_catalog.current_database())`;

const READ_EXTENSIONS = `
SELECT extname AS name, pg_catalog.pg_has_role(extowner, 'MEMBER') AS "mayDrop"
FROM pg_catalog.pg_extension WHERE extname <> 'plpgsql'`;

const READ_LARGE_OBJECTS = 'SELECT oid FROM pg_catalog.pg_largeobject_metadata';

/** `public` as a new database has it: since PostgreSQL 15 nobody but the database's owner may create in it. */
function makePublicNew(serverVersion: number): string {
  return `
DROP SCHEMA IF EXISTS public CASCADE;
CREATE SCHEMA public;
${serverVersion >= 150_000 ? 'ALTER SCHEMA public OWNER TO pg_database_owner; GRANT USAGE' : 'GRANT CREATE, USAGE'} ON SCHEMA public TO PUBLIC;
COMMENT ON SCHEMA public IS 'standard public schema'`;
}

const READ_SUBSCRIPTIONS = `
SELECT pg_catalog.quote_ident(subname) AS name FROM pg_catalog.pg_subscription
WHERE subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())`;

/** Without its slot, which is on the publisher and may be another's by now. */
async function dropSubscriptions(session: Session): Promise<void> {
  for (const { name } of await session.query<{ name: string }>(READ_SUBSCRIPTIONS)) {
    await session.query(`ALTER SUBSCRIPTION ${name} DISABLE`);
    await session.query(`ALTER SUBSCRIPTION ${name} SET (slot_name = NONE)`);
    await session.query(`DROP SUBSCRIPTION ${name}`);
  }
}

/**
 * Drops all that a database holds. Extensions go as well, but for those that the connecting role may not drop: what
 * is TimescaleDB's then goes by TimescaleDB's own means. Its library stays loaded where it has been used, so that
 * what follows is for other sessions.
 */
export async function cleanTarget(connection: Connection, signal: AbortSignal): Promise<void> {
  const inTarget = (work: (session: Session) => Promise<void>): Promise<void> =>
    inSession('target', connection, work, signal);
  await inTarget(async (session) => {
    const timescale = await readTimescale(session);
    if (timescale && (await isInRestoreMode(session))) await endRestoreMode(session, timescale);
  });
  await inTarget(async (session) => {
    const timescale = await readTimescale(session);
    const extensions = await session.query<{ name: string; mayDrop: boolean }>(READ_EXTENSIONS);
    const mayDropTimescale = extensions.some(({ name, mayDrop }) => name === 'timescaledb' && mayDrop);
    // Without its catalog, a chunk is a table like others, also one that is frozen.
    const isTurnedOff = mayDropTimescale && (await turnHooksOff(session));
    await run(session, READ_EVENT_TRIGGERS);
    await removeLedger(session);
    if (timescale && !isTurnedOff) await dropHypertables(session, timescale);
    await dropSubscriptions(session);
    for (const { reset } of await readDefaultPrivileges(session)) await session.query(reset);
    await run(session, READ_TABLES);
    for (const { name, mayDrop } of extensions) {
      if (mayDrop) await session.query(`DROP EXTENSION IF EXISTS ${quoteIdentifier(name)} CASCADE`);
    }
    await run(session, READ_DROP_COMMANDS);
    // Extensions that may not be dropped may be in it.
    if (extensions.every(({ mayDrop }) => mayDrop)) {
      const { version } = await session.one<{ version: number }>(
        "SELECT pg_catalog.current_setting('server_version_num')::int AS version",
      );
      await session.query(makePublicNew(version));
    }
    for (const { oid } of await session.query<{ oid: number }>(READ_LARGE_OBJECTS)) {
      await session.query('SELECT pg_catalog.lo_unlink($1::oid)', [oid]);
    }
  });
}

/** @returns whether it could be done: an owner of the extension who is no superuser drops with TimescaleDB's hooks */
async function turnHooksOff(session: Session): Promise<boolean> {
  return session.query('SET timescaledb.restoring = on').then(
    () => true,
    () => false,
  );
}

/** Runs the commands that a query gives. */
async function run(session: Session, readCommands: string): Promise<void> {
  for (const { command } of await session.query<{ command: string }>(readCommands)) {
    await session.query(command);
  }
}
