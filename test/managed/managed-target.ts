import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { withClient } from '../integration/sql.js';

/** A database as a hosting service gives it to a customer, seen by the customer's role and by the service's superuser. */
export interface ManagedTarget {
  /** What the customer connects with. */
  readonly url: string;
  /** The customer's role: owns the database, may make roles and databases, is no superuser. */
  readonly role: string;
  readonly database: string;
  /** The same database as the superuser sees it. */
  readonly adminUrl: string;
}

/**
 * Makes a database on a sandbox server that behaves as one of Timescale Cloud and its like does.
 *
 * TimescaleDB is there, in `public`, and belongs to the superuser. The role may call the restore functions, which run
 * with their owner's rights, may insert into the extension's configuration tables and advance their sequences, and
 * may create tables among the chunks; no more of the catalog than that.
 *
 * @param options.version of TimescaleDB; the server's default when undefined
 * @param options.role the customer's role, made if need be; one of its own when undefined
 */
export async function makeManagedTarget(
  server: { readonly url: string },
  options: { readonly version?: string; readonly role?: string } = {},
): Promise<ManagedTarget> {
  const name = `managed_${randomBytes(5).toString('hex')}`;
  const role = options.role ?? name;
  await withClient(server.url, async (client) => {
    const { rows } = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [role]);
    if (rows.length === 0) await client.query(`CREATE ROLE ${role} LOGIN CREATEROLE CREATEDB`);
    await client.query(`CREATE DATABASE ${name} OWNER ${role} TEMPLATE template0`);
  });
  const adminUrl = Object.assign(new URL(server.url), { pathname: `/${name}` }).href;
  const version = options.version === undefined ? '' : ` VERSION ${pg.escapeLiteral(options.version)}`;
  // A version is chosen by the first command of a session.
  await withClient(adminUrl, (client) =>
    client.query(`CREATE EXTENSION timescaledb WITH SCHEMA public${version}`),
  );
  await withClient(adminUrl, async (client) => {
    for (const statement of restoreRights(role)) await client.query(statement);
    const { rows } = await client.query<{ statement: string }>(GRANT_CONFIGURATION, [role]);
    for (const { statement } of rows) await client.query(statement);
    await client.query(refuseForeignJobs(await jobTable(client)));
  });
  const url = Object.assign(new URL(adminUrl), { username: role }).href;
  return { url, role, database: name, adminUrl };
}

function restoreRights(role: string): string[] {
  return [
    ...['timescaledb_pre_restore()', 'timescaledb_post_restore()'].flatMap((name) => [
      `ALTER FUNCTION public.${name} SECURITY DEFINER`,
      `GRANT EXECUTE ON FUNCTION public.${name} TO ${role}`,
    ]),
    `GRANT CREATE ON SCHEMA _timescaledb_internal TO ${role}`,
  ];
}

/** The relations whose content `pg_dump` takes along (`pg_extension_config_dump()`). */
const GRANT_CONFIGURATION = `
SELECT pg_catalog.format('GRANT %s %s TO %I',
                         CASE c.relkind WHEN 'S' THEN 'USAGE, UPDATE ON SEQUENCE' ELSE 'INSERT ON TABLE' END,
                         c.oid::pg_catalog.regclass, $1::text) AS statement
FROM pg_catalog.pg_extension e
CROSS JOIN LATERAL pg_catalog.unnest(e.extconfig) AS r (oid)
JOIN pg_catalog.pg_class c ON c.oid = r.oid
WHERE e.extname = 'timescaledb' AND c.relkind IN ('r', 'S')`;

/** The jobs moved from one schema to another; where they were, newer versions keep a view. */
async function jobTable(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relname = 'bgw_job' AND c.relkind = 'r' AND n.nspname LIKE '\\_timescaledb\\_%'`,
  );
  if (rows.length !== 1 || !rows[0]) throw new Error(`expected one table of jobs, found ${rows.length}`);
  return rows[0].name;
}

/**
 * A job runs as its owner, so a job of another's would be a way to that role's rights. The function runs with its
 * caller's rights, and is the extension's, so that it is no content of the customer's. It asks no table.
 */
function refuseForeignJobs(table: string): string {
  return `
    CREATE FUNCTION _timescaledb_functions.refuse_foreign_job() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
      IF NEW.owner = 'postgres'::regrole THEN
        NEW.owner := quote_ident(current_user)::regrole;
      ELSIF NOT pg_has_role(current_user, NEW.owner::oid, 'MEMBER') THEN
        RAISE insufficient_privilege USING
          MESSAGE = format('job %s belongs to %s, which %s is not a member of', NEW.id, NEW.owner, current_user);
      END IF;
      RETURN NEW;
    END $$;
    ALTER EXTENSION timescaledb ADD FUNCTION _timescaledb_functions.refuse_foreign_job();
    CREATE TRIGGER refuse_foreign_job BEFORE INSERT OR UPDATE ON ${table}
      FOR EACH ROW EXECUTE FUNCTION _timescaledb_functions.refuse_foreign_job();`;
}
