import { expect, test } from 'vitest';
import { expectEqualRoles } from './compare/roles.js';
import { type Databases, makeDatabases } from './databases.js';
import { expectFaithfulMigration, migrateDatabase } from './ferry.js';
import { type Pair, startExtraServer } from './servers.js';
import { query, queryValue, runScript } from './sql.js';

/** Roles are the server's; on servers of its own, this file can say all that there is to say of them. */
async function ownPair(): Promise<Pair> {
  const [source, target] = await Promise.all([
    startExtraServer('roles-source', { settings: { TimeZone: 'America/New_York' } }),
    startExtraServer('roles-target', { settings: { TimeZone: 'Asia/Kolkata' } }),
  ]);
  return { source, target };
}

test('roles are carried with their options, memberships, settings and comments', async () => {
  const databases = await makeDatabases(
    await ownPair(),
    'roles_whole',
    `
    CREATE EXTENSION timescaledb;
    SET TimeZone = 'UTC';
    CREATE ROLE "roles_whole_quoted ""; '" NOINHERIT CREATEDB CREATEROLE LOGIN CONNECTION LIMIT 5 VALID UNTIL '2030-01-01';
    CREATE ROLE roles_whole_forever VALID UNTIL 'infinity' REPLICATION BYPASSRLS;
    CREATE ROLE roles_whole_super SUPERUSER NOLOGIN;
    CREATE ROLE roles_whole_group;
    CREATE ROLE roles_whole_member;
    CREATE ROLE roles_whole_admin;
    COMMENT ON ROLE roles_whole_group IS 'it''s; a "group"';
    GRANT roles_whole_group TO roles_whole_admin WITH ADMIN OPTION;
    GRANT roles_whole_group TO roles_whole_member WITH INHERIT FALSE, SET FALSE GRANTED BY roles_whole_admin;
    GRANT pg_read_all_data TO roles_whole_member WITH INHERIT TRUE, SET FALSE;
    GRANT roles_whole_member TO "roles_whole_quoted ""; '" WITH ADMIN TRUE, INHERIT FALSE;
    ALTER ROLE roles_whole_member SET search_path = "a b", 'c', public;
    ALTER ROLE roles_whole_member SET work_mem = '9MB';
    ALTER ROLE roles_whole_member IN DATABASE roles_whole SET work_mem = '10MB';
    ALTER ROLE "roles_whole_quoted ""; '" SET roles_whole.setting = 'it''s \\ "quoted"';
    GRANT roles_whole_group TO pg_monitor;
    GRANT SET ON PARAMETER log_statement TO roles_whole_member;
    GRANT ALTER SYSTEM, SET ON PARAMETER "roles_whole.setting" TO "roles_whole_quoted ""; '" WITH GRANT OPTION;
    CREATE TABLE owned (id int);
    ALTER TABLE owned OWNER TO "roles_whole_quoted ""; '";
    `,
  );
  await expectFaithfulMigration(databases);
  await expectEqualRoles(databases.source, databases.target, 'roles\\_whole%');
  const { target } = await makeDatabases(await ownPair(), 'roles_again', 'CREATE EXTENSION timescaledb;');
  const again = await migrateDatabase({
    ...databases,
    target,
    source: new URL('/roles_again', databases.source).href,
  });
  expect(again.leftOut, 'the roles are there already, as they should be').toEqual([]);
});

test('a role that the target has already is no error, and gains what the source has', async () => {
  const databases = await makeDatabases(
    await ownPair(),
    'roles_existing',
    `
    CREATE EXTENSION timescaledb;
    CREATE ROLE roles_existing_user LOGIN;
    CREATE ROLE roles_existing_group;
    GRANT roles_existing_group TO roles_existing_user;
    CREATE TABLE owned (id int);
    ALTER TABLE owned OWNER TO roles_existing_user;
    `,
  );
  await runScript(
    databases.programs,
    databases.target,
    'CREATE ROLE roles_existing_user LOGIN; CREATE ROLE roles_existing_group;',
  );
  await expectFaithfulMigration(databases);
  await expectEqualRoles(databases.source, databases.target, 'roles\\_existing%');
});

const PASSWORD = `SELECT rolpassword FROM pg_authid WHERE rolname = `;

test('passwords stay behind unless asked for', async () => {
  const make = (name: string) => `
    CREATE EXTENSION timescaledb;
    CREATE ROLE ${name}_user LOGIN PASSWORD 'it''s a secret';
    SET password_encryption = 'md5';
    CREATE ROLE ${name}_md5 LOGIN PASSWORD 'it''s a secret';
    `;
  const pair = await ownPair();
  const without = await makeDatabases(pair, 'roles_without', make('roles_without'));
  const { leftOut } = await migrateDatabase(without);
  const named = leftOut.map(({ object }) => object).filter((object) => object.includes('roles_without'));
  expect(named.sort()).toEqual(['password of role roles_without_md5', 'password of role roles_without_user']);
  expect(await queryValue(without.target, `${PASSWORD} 'roles_without_user'`)).toBeNull();

  const asked = await makeDatabases(pair, 'roles_asked', make('roles_asked'));
  await expectFaithfulMigration(asked, { rolePasswords: true });
  for (const role of ['roles_asked_user', 'roles_asked_md5']) {
    const stored = await queryValue(asked.source, `${PASSWORD} '${role}'`);
    expect(stored).toMatch(/^(SCRAM-SHA-256|md5)/);
    expect(await queryValue(asked.target, `${PASSWORD} '${role}'`)).toBe(stored);
  }
});

test('the user who connects is left as it was', async () => {
  const databases: Databases = await makeDatabases(
    await ownPair(),
    'roles_connecting',
    'CREATE EXTENSION timescaledb; CREATE ROLE roles_connecting LOGIN SUPERUSER CONNECTION LIMIT 33;',
  );
  await query(databases.target, 'CREATE ROLE roles_connecting LOGIN SUPERUSER CONNECTION LIMIT 44');
  const target = new URL(databases.target);
  target.username = 'roles_connecting';
  // Who creates an extension owns it, and no command gives it to another.
  await expectFaithfulMigration({ ...databases, target: target.href }, {}, { objects: ['extensions'] });
  expect(
    await query(databases.target, `SELECT rolconnlimit FROM pg_roles WHERE rolname = 'roles_connecting'`),
  ).toEqual([{ rolconnlimit: 44 }]);
});
