import { expect } from 'vitest';
import type { LeftOut } from '../../src/index.js';
import { query, runScript, withClient } from '../integration/sql.js';

/** Who owns what: everything of the user's that has an owner. */
const OWNERS = `
SELECT pg_catalog.format('%s %s: %s', o.kind, o.name, pg_catalog.pg_get_userbyid(o.owner)) AS line
FROM (
  SELECT 'pg_catalog.pg_class'::pg_catalog.regclass AS class, c.oid, 'relation' AS kind,
         pg_catalog.format('%I.%I', n.nspname, c.relname) AS name, c.relowner AS owner
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
  UNION ALL
  SELECT 'pg_catalog.pg_namespace'::pg_catalog.regclass, oid, 'schema', nspname::text, nspowner
  FROM pg_catalog.pg_namespace WHERE nspname NOT LIKE 'pg\\_%' AND nspname NOT IN ('information_schema', 'public')
  UNION ALL
  SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass, oid, 'routine', oid::pg_catalog.regprocedure::text, proowner
  FROM pg_catalog.pg_proc WHERE oid >= 16384
  UNION ALL
  SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, oid, 'type', oid::pg_catalog.regtype::text, typowner
  FROM pg_catalog.pg_type WHERE oid >= 16384 AND typtype IN ('e', 'd', 'r')
  UNION ALL
  SELECT 'pg_catalog.pg_publication'::pg_catalog.regclass, oid, 'publication', pubname::text, pubowner
  FROM pg_catalog.pg_publication
  UNION ALL
  SELECT 'pg_catalog.pg_largeobject'::pg_catalog.regclass, oid, 'large object', oid::text, lomowner
  FROM pg_catalog.pg_largeobject_metadata
  UNION ALL
  SELECT 'pg_catalog.pg_database'::pg_catalog.regclass, oid, 'the database', '', datdba
  FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()
) AS o
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                  WHERE d.deptype = 'e' AND d.classid = o.class AND d.objid = o.oid)
ORDER BY 1`;

/** Who may do what, with whose grant. */
const GRANTS = `
SELECT pg_catalog.concat_ws(' ', o.name, COALESCE(pg_catalog.pg_get_userbyid(NULLIF(a.grantee, 0)), 'PUBLIC'), a.privilege_type,
                            'with option ' || a.is_grantable, 'by', pg_catalog.pg_get_userbyid(a.grantor)) AS line
FROM (
  SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name, c.relacl AS acl
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.deptype = 'e' AND d.objid = c.oid
                    AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass)
  UNION ALL
  SELECT pg_catalog.format('%s.%I', a.attrelid::pg_catalog.regclass, a.attname), a.attacl
  FROM pg_catalog.pg_attribute a WHERE a.attrelid >= 16384
  UNION ALL
  SELECT 'schema ' || nspname, nspacl FROM pg_catalog.pg_namespace n
  WHERE nspname NOT LIKE 'pg\\_%' AND nspname NOT LIKE '\\_timescaledb\\_%' AND nspname NOT LIKE 'timescaledb\\_%'
    AND nspname NOT IN ('information_schema', 'public')
  UNION ALL
  SELECT p.oid::pg_catalog.regprocedure::text, p.proacl FROM pg_catalog.pg_proc p WHERE p.oid >= 16384
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.deptype = 'e' AND d.objid = p.oid
                    AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass)
  UNION ALL
  SELECT t.oid::pg_catalog.regtype::text, t.typacl FROM pg_catalog.pg_type t WHERE t.oid >= 16384 AND t.typtype IN ('e', 'd')
  UNION ALL
  SELECT 'large object ' || oid::text, lomacl FROM pg_catalog.pg_largeobject_metadata
  UNION ALL
  SELECT pg_catalog.concat_ws(' ', 'default of', pg_catalog.pg_get_userbyid(defaclrole), defaclobjtype::text,
                              NULLIF(defaclnamespace, 0)::pg_catalog.regnamespace::text), defaclacl
  FROM pg_catalog.pg_default_acl
) AS o
CROSS JOIN LATERAL pg_catalog.aclexplode(o.acl) AS a
ORDER BY 1`;

const JOBS = `
SELECT job_id, proc_schema, proc_name, owner::text, scheduled, schedule_interval::text, config, hypertable_name
FROM timescaledb_information.jobs WHERE job_id >= 1000 ORDER BY job_id`;

export const ownersOf = (url: string): Promise<string[]> => linesOf(url, OWNERS);
export const grantsOf = (url: string): Promise<string[]> => linesOf(url, GRANTS);
export const jobsOf = (url: string) => query<{ job_id: number; owner: string }>(url, JOBS);

async function linesOf(url: string, text: string): Promise<string[]> {
  return (await query<{ line: string }>(url, text)).map(({ line }) => line);
}

/** What `postgres` has on the source, the connecting role has on a target that does not know `postgres` as its own. */
export function asOnTarget<T>(facts: T, role: string): T {
  return JSON.parse(JSON.stringify(facts).replaceAll(/\bpostgres\b/g, role)) as T;
}

/** Expects all that was left out to be explained, and gives the names. */
export function expectExplained(leftOut: readonly LeftOut[]): string[] {
  for (const { object, reason } of leftOut) {
    expect(object.trim(), 'an object').not.toBe('');
    expect(reason.trim(), `the reason why ${object} was left out`).not.toBe('');
  }
  return leftOut.map(({ object }) => object);
}

/** Runs the SQL of all that was left out, as an administrator would later. */
export async function runLeftOut(
  programs: string,
  adminUrl: string,
  leftOut: readonly LeftOut[],
): Promise<void> {
  for (const { sql } of leftOut) if (sql) await runScript(programs, adminUrl, sql);
}

/** Drops a source database and the roles that its test made, which the next migration would carry as well. */
export async function forgetSource(server: string, database: string, prefix: string): Promise<void> {
  await withClient(server, async (client) => {
    await client.query(`DROP DATABASE IF EXISTS ${client.escapeIdentifier(database)} WITH (FORCE)`);
    const { rows } = await client.query<{ name: string }>(
      'SELECT rolname AS name FROM pg_roles WHERE starts_with(rolname, $1)',
      [prefix],
    );
    const names = rows.map(({ name }) => client.escapeIdentifier(name));
    // All at once, since one may have granted another's membership.
    if (names.length > 0) await client.query(`DROP ROLE ${names.join(', ')}`);
  });
}
