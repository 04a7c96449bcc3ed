import type { Connection } from '../postgres/connection-string.js';
import { quoteIdentifier } from '../postgres/quoting.js';
import { inSession, type Session } from '../postgres/session.js';
import { dropChildTables, dropHypertables } from '../timescale/drop.js';
import { endRestoreMode, isInRestoreMode, readTimescale } from '../timescale/timescale.js';

/** What is not an extension's own. The object's alias is `o`. */
const NOT_OF_AN_EXTENSION = `NOT EXISTS (
  SELECT FROM pg_catalog.pg_depend d
  WHERE d.deptype = 'e' AND d.objid = o.oid AND d.classid = o.tableoid)`;

/** Each row is one command. What a command before has dropped with it is skipped by IF EXISTS. */
const READ_DROP_COMMANDS = `
SELECT pg_catalog.format('DROP EVENT TRIGGER IF EXISTS %I CASCADE', evtname) AS command
FROM pg_catalog.pg_event_trigger o WHERE ${NOT_OF_AN_EXTENSION}
UNION ALL
SELECT pg_catalog.format('DROP PUBLICATION IF EXISTS %I CASCADE', pubname) FROM pg_catalog.pg_publication
UNION ALL
SELECT pg_catalog.format('DROP SCHEMA IF EXISTS %I CASCADE', nspname) FROM pg_catalog.pg_namespace o
WHERE nspname NOT LIKE 'pg\\_%' AND nspname NOT IN ('information_schema', 'public') AND ${NOT_OF_AN_EXTENSION}
UNION ALL
SELECT pg_catalog.format('DROP FOREIGN DATA WRAPPER IF EXISTS %I CASCADE', fdwname)
FROM pg_catalog.pg_foreign_data_wrapper o WHERE ${NOT_OF_AN_EXTENSION}
UNION ALL
SELECT pg_catalog.format('DROP %s IF EXISTS public.%I CASCADE',
         CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
                      WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'c' THEN 'TYPE' ELSE 'TABLE' END, relname)
FROM pg_catalog.pg_class o
WHERE relnamespace = pg_catalog.to_regnamespace('public') AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c')
  AND ${NOT_OF_AN_EXTENSION}
  -- A column's sequence goes with its table, and in no other way.
  AND NOT (relkind = 'S' AND EXISTS (SELECT FROM pg_catalog.pg_depend d
                                     WHERE d.classid = o.tableoid AND d.objid = o.oid AND d.deptype = 'i'))
UNION ALL
SELECT pg_catalog.format('DROP ROUTINE IF EXISTS %s CASCADE', o.oid::pg_catalog.regprocedure)
FROM pg_catalog.pg_proc o WHERE pronamespace = pg_catalog.to_regnamespace('public') AND ${NOT_OF_AN_EXTENSION}
UNION ALL
SELECT pg_catalog.format('DROP TYPE IF EXISTS public.%I CASCADE', typname)
FROM pg_catalog.pg_type o
WHERE typnamespace = pg_catalog.to_regnamespace('public') AND typtype IN ('e', 'd', 'r', 'b') AND typcategory <> 'A'
  AND ${NOT_OF_AN_EXTENSION}`;

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
    if (mayDropTimescale) await session.query('SET timescaledb.restoring = on').catch(notSuperuser);
    if (timescale && !mayDropTimescale) await dropHypertables(session, timescale);
    await dropSubscriptions(session);
    await dropChildTables(session);
    for (const { name, mayDrop } of extensions) {
      if (mayDrop) await session.query(`DROP EXTENSION IF EXISTS ${quoteIdentifier(name)} CASCADE`);
    }
    for (const { command } of await session.query<{ command: string }>(READ_DROP_COMMANDS)) {
      await session.query(command);
    }
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

/** An owner of the extension who is no superuser drops with TimescaleDB's hooks. */
function notSuperuser(): void {}
