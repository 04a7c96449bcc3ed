import { describe, expect, test } from 'vitest';
import { restore } from '../../src/archive/restore.js';
import { type Databases, makeDatabaseBeside, makeDatabases } from './databases.js';
import { migrateDatabase, withDump } from './ferry.js';
import { apachePair } from './servers.js';
import { query } from './sql.js';

const GRANTS_OF_PUBLIC = `
SELECT pg_get_userbyid(n.nspowner) AS owner, a.grantee::regrole::text AS grantee, a.privilege_type AS privilege
FROM pg_namespace n, aclexplode(n.nspacl) a WHERE nspname = 'public' ORDER BY 2, 3`;

const GRANTS_OF_DATABASE = `
SELECT CASE WHEN a.grantee = datdba THEN 'the owner' ELSE a.grantee::regrole::text END AS grantee, a.privilege_type AS privilege
FROM pg_database, aclexplode(COALESCE(datacl, acldefault('d', datdba))) a
WHERE datname = current_database() ORDER BY 1, 2`;

/** What somebody did to the empty target before. DATABASE stands for its name. */
const PREPARATIONS = {
  'grants on the schema public': 'GRANT ALL ON SCHEMA public TO prepared_app',
  'another owner of the schema public': 'ALTER SCHEMA public OWNER TO prepared_app',
  'a schema public that is closed to all': 'REVOKE ALL ON SCHEMA public FROM PUBLIC',
  'a database that is closed to all': 'REVOKE ALL ON DATABASE DATABASE FROM PUBLIC',
};

const SOURCES = {
  'as new': '',
  'with grants of its own': `
    GRANT CREATE ON SCHEMA public TO prepared_reader;
    SELECT 'REVOKE TEMPORARY ON DATABASE ' || quote_ident(current_database()) || ' FROM PUBLIC' \\gexec`,
};

describe.each(Object.entries(SOURCES))('a target that somebody prepared, and a source %s', (kind, grants) => {
  test.each(Object.entries(PREPARATIONS))('%s: both end as the source is', async (what, preparation) => {
    const name = `prepared_${kind}_${what}`.replaceAll(' ', '_').slice(0, 60);
    const roles = ['prepared_app', 'prepared_reader']
      .map((role) => `SELECT 'CREATE ROLE ${role}' WHERE to_regrole('${role}') IS NULL \\gexec`)
      .join('\n');
    const databases = await makeDatabases(
      await apachePair(),
      name,
      `${roles} CREATE TABLE t (a int); ${grants}`,
    );
    const beside = await makeDatabaseBeside(databases.target);
    for (const target of [databases.target, beside]) {
      for (const role of ['prepared_app', 'prepared_reader']) {
        await query(
          target,
          `DO $$ BEGIN CREATE ROLE ${role}; EXCEPTION WHEN duplicate_object THEN NULL; END $$`,
        );
      }
      await query(
        target,
        preparation.replace(
          'DATABASE DATABASE',
          `DATABASE "${decodeURIComponent(new URL(target).pathname.slice(1))}"`,
        ),
      );
    }
    await migrateDatabase(databases);
    await expectAlike(databases);
    await withDump(databases, (from) => restore({ from, target: beside, jobs: 2 }));
    await expectAlike({ ...databases, target: beside });
  });
});

async function expectAlike({ source, target }: Databases): Promise<void> {
  for (const grants of [GRANTS_OF_PUBLIC, GRANTS_OF_DATABASE]) {
    expect(await query(target, grants)).toEqual(await query(source, grants));
  }
}

describe('a grant to the role that owns the object on the target', () => {
  const make = async (name: string): Promise<Databases> =>
    makeDatabases(
      await apachePair(),
      `merged_${name}`,
      `CREATE ROLE "merged ${name}" LOGIN; CREATE TABLE t (a int, b int); CREATE SCHEMA "s 1"; CREATE SEQUENCE "s 1".q;
       CREATE FUNCTION f(int, text) RETURNS int LANGUAGE sql AS 'SELECT 1';
       REVOKE ALL ON FUNCTION f FROM PUBLIC;
       GRANT SELECT, INSERT ON t TO "merged ${name}"; GRANT UPDATE (b) ON t TO "merged ${name}";
       GRANT USAGE ON SCHEMA "s 1" TO "merged ${name}"; GRANT USAGE ON SEQUENCE "s 1".q TO "merged ${name}";
       GRANT EXECUTE ON FUNCTION f TO "merged ${name}";`,
    );

  test('by --role-map makes no difference', async () => {
    const databases = await make('mapped');
    const { verification } = await migrateDatabase(databases, { roleMap: { postgres: 'merged mapped' } });
    expect(verification).toMatchObject({ equal: true });
  });

  test('by --no-owner makes no difference', async () => {
    const databases = await make('kept');
    await query(databases.target, 'CREATE ROLE "merged kept" LOGIN SUPERUSER');
    const target = Object.assign(new URL(databases.target), { username: 'merged kept' }).href;
    const { verification } = await migrateDatabase({ ...databases, target }, { owners: false });
    expect(verification).toMatchObject({ equal: true });
  });

  test('without superuser makes no difference', async () => {
    const databases = await make('plain');
    await query(databases.target, 'CREATE ROLE "merged plain" LOGIN CREATEROLE');
    const name = decodeURIComponent(new URL(databases.target).pathname.slice(1));
    await query(databases.target, `ALTER DATABASE "${name}" OWNER TO "merged plain"`);
    const target = Object.assign(new URL(databases.target), { username: 'merged plain' }).href;
    const { verification } = await migrateDatabase({ ...databases, target });
    expect(verification).toMatchObject({ equal: true });
  });
});
