import { expect, test } from 'vitest';
import { makeDatabases } from './databases.js';
import { expectFaithfulMigration } from './ferry.js';
import { expectHypertableWorks } from './hypertables.js';
import { apachePair } from './servers.js';
import { query, queryValue } from './sql.js';

test('row level security keeps its policies and does not hide rows from the copy', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'security_rows',
    `
    CREATE EXTENSION timescaledb;
    CREATE ROLE security_tenant LOGIN;
    CREATE ROLE security_owner LOGIN;
    GRANT CREATE ON SCHEMA public TO security_owner;
    CREATE TABLE reading (at timestamptz NOT NULL, tenant text);
    SELECT create_hypertable('reading', 'at');
    INSERT INTO reading SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 day',
                               (ARRAY['security_tenant', 'other'])[1 + i % 2] FROM generate_series(1, 20) i;
    ALTER TABLE reading ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own_rows ON reading FOR SELECT TO security_tenant USING (tenant = current_user);
    GRANT SELECT ON reading TO security_tenant;
    CREATE TABLE forced (id int, tenant text);
    INSERT INTO forced VALUES (1, 'other'), (2, 'security_owner');
    ALTER TABLE forced OWNER TO security_owner;
    ALTER TABLE forced ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
    CREATE POLICY restrictive ON forced AS RESTRICTIVE FOR ALL TO PUBLIC USING (id < 10) WITH CHECK (tenant <> '');
    CREATE POLICY insert_only ON forced FOR INSERT TO security_tenant, security_owner WITH CHECK (true);
    COMMENT ON POLICY restrictive ON forced IS 'nobody sees more';
    CREATE TABLE not_enabled (id int);
    CREATE POLICY waiting ON not_enabled USING (false);
    `,
  );
  await expectFaithfulMigration(databases);
  const asTenant = new URL(databases.target);
  asTenant.username = 'security_tenant';
  expect(await queryValue(asTenant.href, `SELECT count(*) FROM reading`)).toBe('10');
  await expectHypertableWorks(databases.target, 'reading', {
    old: `('2026-01-02 12:00+00', 'other')`,
    new: `('2020-01-02 12:00+00', 'other')`,
  });
});

test('owners, grants, column grants and default privileges are carried', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'security_grants',
    `
    CREATE EXTENSION timescaledb;
    CREATE ROLE "security 'quoted'; ""role""" LOGIN;
    CREATE ROLE security_reader;
    CREATE ROLE security_granter;
    CREATE SCHEMA private AUTHORIZATION "security 'quoted'; ""role""";
    GRANT USAGE ON SCHEMA private TO security_reader WITH GRANT OPTION;
    REVOKE ALL ON SCHEMA public FROM PUBLIC;
    GRANT CREATE ON SCHEMA public TO security_granter;
    GRANT USAGE ON SCHEMA private TO security_granter;
    CREATE TABLE private.reading (at timestamptz NOT NULL, secret text, open text);
    SELECT create_hypertable('private.reading', 'at');
    INSERT INTO private.reading VALUES ('2026-01-01 00:00+00', 'a', 'b');
    GRANT SELECT (at, open), UPDATE (open) ON private.reading TO security_reader;
    GRANT SELECT ON private.reading TO security_granter WITH GRANT OPTION;
    ALTER TABLE private.reading OWNER TO "security 'quoted'; ""role""";
    SET ROLE security_granter;
    GRANT SELECT ON private.reading TO security_reader;
    RESET ROLE;
    CREATE FUNCTION private.secret() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
    REVOKE ALL ON FUNCTION private.secret() FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION private.secret() TO security_reader;
    CREATE TYPE private.kind AS ENUM ('a');
    REVOKE USAGE ON TYPE private.kind FROM PUBLIC;
    ALTER TYPE private.kind OWNER TO security_granter;
    CREATE SEQUENCE private.numbers;
    GRANT USAGE ON SEQUENCE private.numbers TO security_reader;
    REVOKE USAGE ON LANGUAGE plpgsql FROM PUBLIC;
    GRANT USAGE ON LANGUAGE plpgsql TO security_reader;
    ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO security_reader;
    ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
    ALTER DEFAULT PRIVILEGES FOR ROLE security_granter IN SCHEMA private GRANT ALL ON TABLES TO security_reader WITH GRANT OPTION;
    ALTER DEFAULT PRIVILEGES FOR ROLE security_granter REVOKE USAGE ON TYPES FROM PUBLIC;
    CREATE TABLE no_rights_even_for_the_owner (id int);
    REVOKE ALL ON no_rights_even_for_the_owner FROM postgres;
    GRANT SELECT ON pg_catalog.pg_authid TO security_reader;
    REVOKE SELECT ON pg_catalog.pg_settings FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_file(text) TO security_reader;
    GRANT SELECT ON _timescaledb_catalog.hypertable TO security_reader;
    `,
  );
  await expectFaithfulMigration(databases);
  await expectHypertableWorks(databases.target, 'private.reading', {
    old: `('2026-01-02 12:00+00', 'other')`,
    new: `('2020-01-02 12:00+00', 'other')`,
  });
});

test("the database's own settings, comment, limit and grants are carried", async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'security_database',
    `
    CREATE EXTENSION timescaledb;
    CREATE ROLE security_connecting LOGIN;
    COMMENT ON DATABASE security_database IS 'it''s; a "database"';
    REVOKE ALL ON DATABASE security_database FROM PUBLIC;
    GRANT CONNECT ON DATABASE security_database TO security_connecting WITH GRANT OPTION;
    GRANT TEMPORARY ON DATABASE security_database TO security_connecting;
    ALTER DATABASE security_database CONNECTION LIMIT 50;
    ALTER DATABASE security_database IS_TEMPLATE true;
    ALTER DATABASE security_database SET work_mem = '7MB';
    ALTER ROLE security_connecting IN DATABASE security_database SET search_path = a, "b c";
    `,
  );
  await expectFaithfulMigration(databases);
});

test('without owners and without privileges, everything is the connecting user’s and nothing is granted', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'security_procedure',
    `
    CREATE EXTENSION timescaledb;
    CREATE ROLE security_left_behind;
    CREATE TABLE reading (at timestamptz NOT NULL, value int);
    SELECT create_hypertable('reading', 'at');
    INSERT INTO reading VALUES ('2026-01-01 00:00+00', 1);
    ALTER TABLE reading OWNER TO security_left_behind;
    GRANT SELECT ON reading TO PUBLIC;
    `,
  );
  await expectFaithfulMigration(databases, { owners: false, privileges: false }, { lines: OWNER_OR_GRANT });
  expect(
    await query(
      databases.target,
      `SELECT tableowner, relacl FROM pg_tables, pg_class
      WHERE tablename = relname AND (relname = 'reading' OR relname LIKE '\\_hyper%chunk')`,
    ),
  ).toEqual([
    { tableowner: 'postgres', relacl: null },
    { tableowner: 'postgres', relacl: null },
  ]);
});

/** A definition's heading names its owner; a grant is one line between a heading and empty lines. */
const OWNER_OR_GRANT = [/^-- Name: /, /^--$/, /^$/, /OWNER TO/, /^GRANT /];
