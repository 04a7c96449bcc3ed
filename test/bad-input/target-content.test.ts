import { expect, test } from 'vitest';
import { migrateDatabase } from '../integration/ferry.js';
import { apachePair } from '../integration/servers.js';
import { queryValue, runScript } from '../integration/sql.js';
import { makeReadings } from './readings.js';
import { expectRefusal, failureOf } from './refusal.js';

test('a target with tables of its own is refused, and at most ten of them are named', async () => {
  const databases = await makeReadings(await apachePair(), 'bad_not_empty');
  const tables = Array.from(
    { length: 14 },
    (_, n) => `CREATE TABLE "theirs ${String(n).padStart(2, '0')}" ();`,
  );
  await runScript(databases.programs, databases.target, tables.join('\n'));
  await expectRefusal(databases, {
    code: 'TARGET_NOT_EMPTY',
    says: ['expected an empty target', 'bad_not_empty', 'table public."theirs 00"', '4 more'],
    advises: '--clean-target',
  });
  const { message } = await failureOf(databases);
  expect(message.match(/theirs \d\d/g)).toHaveLength(10);
});

/** One object each, alone in the target. */
const CONTENT: Readonly<Record<string, string>> = {
  'a schema': 'CREATE SCHEMA theirs',
  'a sequence': 'CREATE SEQUENCE theirs',
  'a view': 'CREATE VIEW theirs AS SELECT 1',
  'a function': "CREATE FUNCTION theirs() RETURNS int LANGUAGE sql AS 'SELECT 1'",
  'a type': "CREATE TYPE theirs AS ENUM ('a')",
  'a domain': 'CREATE DOMAIN theirs AS int',
  'a composite type': 'CREATE TYPE theirs AS (a int)',
  'a large object': 'SELECT lo_create(0)',
  'a publication': 'CREATE PUBLICATION theirs FOR ALL TABLES',
  'an event trigger': `CREATE EXTENSION timescaledb;
    CREATE FUNCTION theirs() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
    CREATE EVENT TRIGGER theirs ON sql_drop EXECUTE FUNCTION theirs()`,
  'a collation': 'CREATE COLLATION theirs FROM "C"',
  'a text search configuration': 'CREATE TEXT SEARCH CONFIGURATION theirs (COPY = pg_catalog.simple)',
  'a text search parser': `CREATE TEXT SEARCH PARSER theirs (START = prsd_start, GETTOKEN = prsd_nexttoken,
    END = prsd_end, LEXTYPES = prsd_lextype)`,
  'a text search template': 'CREATE TEXT SEARCH TEMPLATE theirs (LEXIZE = dsimple_lexize)',
  'a conversion': `CREATE CONVERSION theirs FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8`,
  'an operator family': 'CREATE OPERATOR FAMILY theirs USING btree',
  'an operator class':
    'CREATE OPERATOR CLASS theirs FOR TYPE int USING btree FAMILY integer_ops AS STORAGE int',
  'a transform': 'CREATE TRANSFORM FOR int LANGUAGE sql (FROM SQL WITH FUNCTION prsd_lextype(internal))',
  'a foreign data wrapper': 'CREATE FOREIGN DATA WRAPPER theirs',
  'a cast': 'CREATE CAST (int AS oid[]) WITH INOUT',
};

for (const [object, script] of Object.entries(CONTENT)) {
  test(`a target that holds nothing but ${object} is refused`, async () => {
    const databases = await makeReadings(await apachePair(), `bad_${object.replaceAll(' ', '_')}`);
    await runScript(databases.programs, databases.target, script);
    const { code } = await failureOf(databases);
    expect(code).toBe('TARGET_NOT_EMPTY');
    expect(await queryValue(databases.target, `SELECT to_regclass('public.reading')`)).toBeNull();
  });
}

test('a target in restore mode that is no run of Hyperferry is refused', async () => {
  const databases = await makeReadings(await apachePair(), 'bad_restoring');
  await runScript(
    databases.programs,
    databases.target,
    'CREATE EXTENSION timescaledb; SELECT timescaledb_pre_restore()',
  );
  await expectRefusal(databases, {
    code: 'TARGET_NOT_EMPTY',
    says: ['restore mode'],
    advises: 'timescaledb_post_restore()',
  });
});

test('a target with nothing but extensions is empty', async () => {
  const databases = await makeReadings(await apachePair(), 'bad_extensions_only');
  await runScript(
    databases.programs,
    databases.target,
    'CREATE EXTENSION timescaledb; CREATE EXTENSION hstore',
  );
  expect((await migrateDatabase(databases)).rows).toBe(79);
});

test('cleaning drops what is in the target, and only there', async () => {
  const databases = await makeReadings(await apachePair(), 'bad_cleaned');
  const theirs = `
    CREATE EXTENSION timescaledb;
    CREATE SCHEMA "th""eirs; DROP"; CREATE TABLE "th""eirs; DROP"."t	a" (at timestamptz NOT NULL);
    SELECT create_hypertable('"th""eirs; DROP"."t	a"', 'at');
    INSERT INTO "th""eirs; DROP"."t	a" SELECT now() + n * interval '7 days' FROM generate_series(1, 20) n;
    CREATE TABLE device (other text); SELECT lo_create(0); CREATE PUBLICATION p FOR ALL TABLES;
    CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
    CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION f();`;
  await runScript(databases.programs, databases.target, theirs);
  const outcome = await migrateDatabase(databases, { cleanTarget: true });
  expect(outcome.rows).toBe(79);
  expect(await queryValue(databases.target, 'SELECT count(*) FROM device')).toBe('7');
  const left = `SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'th%'`;
  expect(await queryValue(databases.target, left)).toBe('0');
  expect(
    await queryValue(databases.target, 'SELECT count(*) FROM pg_event_trigger WHERE evtname = $$e$$'),
  ).toBe('0');
  expect(await queryValue(databases.source, 'SELECT count(*) FROM reading')).toBe('72');
});
