import type { Connection } from '../postgres/connection-string.js';
import { quoteIdentifier } from '../postgres/quoting.js';
import { Session } from '../postgres/session.js';

/** A transaction that drops more tables would need more locks than a server with default settings has. */
const TABLES_A_TRANSACTION = 100;

const RESTORING_OFF = 'timescaledb.restoring';

const READ_CHILD_TABLES = `
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name
FROM pg_catalog.pg_inherits i
JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid AND c.relkind = 'r'
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')`;

/** Each row is one command; within a kind the order is of no matter, since all cascade. */
const READ_DROP_COMMANDS = `
SELECT pg_catalog.format('DROP EVENT TRIGGER %I CASCADE', evtname) AS command FROM pg_catalog.pg_event_trigger t
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend WHERE deptype = 'e' AND objid = t.oid)
UNION ALL SELECT pg_catalog.format('DROP PUBLICATION %I CASCADE', pubname) FROM pg_catalog.pg_publication
UNION ALL SELECT pg_catalog.format('DROP EXTENSION %I CASCADE', extname) FROM pg_catalog.pg_extension
  WHERE extname <> 'plpgsql'
UNION ALL SELECT pg_catalog.format('DROP FOREIGN DATA WRAPPER %I CASCADE', fdwname)
  FROM pg_catalog.pg_foreign_data_wrapper f
  WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend WHERE deptype = 'e' AND objid = f.oid)
UNION ALL SELECT pg_catalog.format('DROP SCHEMA %I CASCADE', nspname) FROM pg_catalog.pg_namespace n
  WHERE nspname NOT LIKE 'pg\\_%' AND nspname NOT IN ('information_schema', 'public')
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend WHERE deptype = 'e' AND objid = n.oid)`;

const READ_LARGE_OBJECTS = 'SELECT oid FROM pg_catalog.pg_largeobject_metadata';

/**
 * Drops all that a database holds, and leaves the database as a new one. TimescaleDB goes in a session of its own:
 * its library stays loaded where it has been used.
 */
export async function cleanTarget(connection: Connection): Promise<void> {
  await inSession(connection, async (session) => {
    const { name } = await session.one<{ name: string }>('SELECT pg_catalog.current_database() AS name');
    await session.query(`ALTER DATABASE ${quoteIdentifier(name)} RESET ${RESTORING_OFF}`);
  });
  await inSession(connection, async (session) => {
    const children = await session.query<{ name: string }>(READ_CHILD_TABLES);
    for (let first = 0; first < children.length; first += TABLES_A_TRANSACTION) {
      const names = children.slice(first, first + TABLES_A_TRANSACTION).map(({ name }) => name);
      await session.query(`DROP TABLE IF EXISTS ${names.join(', ')} CASCADE`);
    }
    for (const { command } of await session.query<{ command: string }>(READ_DROP_COMMANDS)) {
      await session.query(command);
    }
    await session.query('DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public;');
    await session.query(`
      ALTER SCHEMA public OWNER TO pg_database_owner;
      GRANT USAGE ON SCHEMA public TO PUBLIC;
      COMMENT ON SCHEMA public IS 'standard public schema'`);
    for (const { oid } of await session.query<{ oid: number }>(READ_LARGE_OBJECTS)) {
      await session.query('SELECT pg_catalog.lo_unlink($1::oid)', [oid]);
    }
  });
}

async function inSession(connection: Connection, work: (session: Session) => Promise<void>): Promise<void> {
  const session = await Session.open('target', connection);
  try {
    await work(session);
  } finally {
    await session.close();
  }
}
