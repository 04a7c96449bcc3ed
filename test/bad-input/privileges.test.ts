import { expect, test } from 'vitest';
import { migrateDatabase } from '../integration/ferry.js';
import { apachePair } from '../integration/servers.js';
import { queryValue, runScript } from '../integration/sql.js';
import { altered, makeReadings } from './readings.js';
import { expectError, expectRefusal, failureOf } from './refusal.js';

test('a source role that may not read a table is refused by the table, and the hint mends it', async () => {
  const databases = await makeReadings(
    await apachePair(),
    'bad_may_not_read',
    `CREATE ROLE bad_may_not_read_login LOGIN; GRANT SELECT ON reading TO bad_may_not_read_login;
     CREATE TABLE "se cret" (a int); CREATE SEQUENCE hidden;`,
  );
  const asReader = { source: altered(databases.source, { username: 'bad_may_not_read_login' }) };
  await expectRefusal(
    databases,
    {
      code: 'PRIVILEGE',
      says: ['bad_may_not_read_login', 'public.device', 'public."se cret"', 'public.hidden'],
      advises: 'GRANT pg_read_all_data TO "bad_may_not_read_login"',
    },
    asReader,
  );
  const { message } = await failureOf({ ...databases, ...asReader });
  expect(message, 'what the role may read').not.toMatch(/reading|_hyper_/);

  await runScript(databases.programs, databases.source, 'GRANT pg_read_all_data TO "bad_may_not_read_login"');
  expect((await migrateDatabase({ ...databases, ...asReader })).rows).toBe(79);
});

test('a source role that a setting of the database has made of another is told by both names', async () => {
  const databases = await makeReadings(
    await apachePair(),
    'bad_set_role',
    `CREATE ROLE bad_set_role_login LOGIN IN ROLE bad_set_role_owner, pg_read_all_data;
     ALTER DATABASE bad_set_role SET role = bad_set_role_owner`,
  );
  const source = altered(databases.source, { username: 'bad_set_role_login' });
  expectError(await failureOf({ ...databases, source }), {
    code: 'PRIVILEGE',
    says: ['role bad_set_role_owner', 'the setting "role" of the database or of bad_set_role_login'],
    advises: 'PGOPTIONS="-c role=none"',
  });
  expect((await migrateDatabase(databases)).rows).toBe(79);
});

/** What a role with `pg_read_all_data` still may not read. */
const UNREADABLE: Readonly<Record<string, { script: string; names: string | RegExp }>> = {
  'a table with row level security': {
    script: `CREATE TABLE guarded (a int); INSERT INTO guarded VALUES (1);
      ALTER TABLE guarded ENABLE ROW LEVEL SECURITY`,
    names: 'public.guarded',
  },
  'a large object': { script: `SELECT lo_from_bytea(4711, 'abc')`, names: /large object.*4711/ },
};

for (const [object, { script, names }] of Object.entries(UNREADABLE)) {
  test(`a source role that may not read ${object} is refused before anything is changed`, async () => {
    const name = `bad_unreadable_${object.split(' ').at(-1)}`;
    const login = `CREATE ROLE ${name}_login LOGIN IN ROLE pg_read_all_data;`;
    const databases = await makeReadings(await apachePair(), name, login + script);
    await expectRefusal(
      databases,
      { code: 'PRIVILEGE', says: [`${name}_login`, names], advises: /GRANT|superuser|BYPASSRLS/ },
      { source: altered(databases.source, { username: `${name}_login` }) },
    );
  });
}

test('role passwords are refused to a source role that may not read them', async () => {
  const databases = await makeReadings(
    await apachePair(),
    'bad_role_passwords',
    `CREATE ROLE bad_role_passwords_login LOGIN;
     GRANT SELECT ON ALL TABLES IN SCHEMA public TO bad_role_passwords_login;`,
  );
  await expectRefusal(
    databases,
    { code: 'PRIVILEGE', says: ['password'], advises: '--role-passwords' },
    {
      source: altered(databases.source, { username: 'bad_role_passwords_login' }),
      rolePasswords: true,
    },
  );
});

test('a target role that may not create is refused, and the hint mends it', async () => {
  const databases = await makeReadings(await apachePair(), 'bad_may_not_create');
  await runScript(databases.programs, databases.target, 'CREATE ROLE bad_may_not_create_login LOGIN');
  const target = altered(databases.target, { username: 'bad_may_not_create_login' });
  await expectRefusal(
    databases,
    {
      code: 'PRIVILEGE',
      says: ['bad_may_not_create_login', 'create'],
      advises: 'ALTER DATABASE "bad_may_not_create" OWNER TO "bad_may_not_create_login"',
    },
    { target },
  );
});

test('cleaning a target whose objects belong to another is refused before anything is dropped', async () => {
  const databases = await makeReadings(await apachePair(), 'bad_may_not_drop');
  await runScript(
    databases.programs,
    databases.target,
    `CREATE ROLE bad_may_not_drop_login LOGIN; GRANT CREATE ON DATABASE bad_may_not_drop TO bad_may_not_drop_login;
     CREATE SCHEMA theirs; CREATE TABLE theirs.kept AS SELECT 1 AS a;
     CREATE SCHEMA own AUTHORIZATION bad_may_not_drop_login;`,
  );
  const target = altered(databases.target, { username: 'bad_may_not_drop_login' });
  const error = await failureOf({ ...databases, target, cleanTarget: true });
  expectError(error, { code: 'PRIVILEGE', says: ['bad_may_not_drop_login'], advises: /OWNER|superuser/ });
  expect(await queryValue(databases.target, 'SELECT a FROM theirs.kept')).toBe('1');
  expect(await queryValue(databases.target, `SELECT to_regnamespace('own')`)).toBe('own');
});
