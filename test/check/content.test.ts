import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { serverAccount } from '../../sandbox/server/server-account.js';
import { dump, type Finding, migrate } from '../../src/index.js';
import { makeDatabases } from '../integration/databases.js';
import { query, queryValue, runScript, withClient } from '../integration/sql.js';
import { expectFires, expectSilent } from './findings.js';
import { altered, checkPair } from './pair.js';

interface Case {
  readonly id: string;
  readonly severity: Finding['severity'];
  /** What is nearly, but not quite, what the check looks for. */
  readonly silent: string;
  readonly fires: string;
  readonly objects: readonly string[];
  /** Makes the finding go away. */
  readonly mended: string;
}

const CASES: readonly Case[] = [
  {
    id: 'row-type-order',
    severity: 'blocker',
    silent: `CREATE TABLE parent (a int); CREATE TABLE child (b int) INHERITS (parent); CREATE TABLE not_held (c int) INHERITS (parent);
             CREATE TABLE holding (held child[], other int);`,
    fires: 'ALTER TABLE parent ADD late int;',
    objects: ['public.child'],
    mended: 'ALTER TABLE holding DROP held;',
  },
  {
    id: 'column-order',
    severity: 'warning',
    silent: `CREATE TABLE elder (a int, gone int); CREATE TABLE younger (b int) INHERITS (elder); ALTER TABLE elder DROP gone;
             CREATE TABLE whole (a int, b int) PARTITION BY LIST (a); CREATE TABLE part PARTITION OF whole DEFAULT;`,
    fires: 'ALTER TABLE elder ADD late int;',
    objects: ['public.younger'],
    mended: 'ALTER TABLE elder DROP late;',
  },
  {
    id: 'large-objects',
    severity: 'note',
    silent: 'CREATE TABLE picture (id oid, large_object bytea);',
    fires: `SELECT lo_from_bytea(4712, 'two'), lo_from_bytea(4711, 'one');`,
    objects: ['4711', '4712'],
    mended: 'SELECT lo_unlink(4711), lo_unlink(4712);',
  },
  {
    id: 'unlogged-tables',
    severity: 'note',
    silent: 'CREATE TABLE logged (n int); CREATE TEMPORARY TABLE passing (n int);',
    fires: 'CREATE SCHEMA "sc;hema"; CREATE UNLOGGED TABLE "sc;hema"."ta""ble" (n int);',
    objects: ['"sc;hema"."ta""ble"'],
    mended: 'ALTER TABLE "sc;hema"."ta""ble" SET LOGGED;',
  },
  {
    id: 'foreign-tables',
    severity: 'warning',
    silent: 'CREATE FOREIGN DATA WRAPPER nowhere; CREATE SERVER far FOREIGN DATA WRAPPER nowhere;',
    fires: 'CREATE FOREIGN TABLE "re mote" (n int) SERVER far;',
    objects: ['public."re mote"'],
    mended: 'DROP FOREIGN TABLE "re mote";',
  },
  {
    id: 'user-mappings',
    severity: 'warning',
    silent: 'CREATE FOREIGN DATA WRAPPER nowhere; CREATE SERVER far FOREIGN DATA WRAPPER nowhere;',
    fires: `CREATE USER MAPPING FOR postgres SERVER far OPTIONS (password 'p'); CREATE USER MAPPING FOR PUBLIC SERVER far;`,
    objects: ['postgres on far', 'public on far'],
    mended: 'DROP SERVER far CASCADE;',
  },
  {
    id: 'publications',
    severity: 'note',
    silent: 'CREATE TABLE reading (n int);',
    fires: 'CREATE PUBLICATION "every;thing" FOR ALL TABLES; CREATE PUBLICATION one FOR TABLE reading;',
    objects: ['every;thing', 'one'],
    mended: 'DROP PUBLICATION "every;thing", one;',
  },
  {
    id: 'event-triggers',
    severity: 'note',
    // TimescaleDB has event triggers of its own.
    silent: `CREATE EXTENSION timescaledb; CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';`,
    fires: 'CREATE EVENT TRIGGER "on;end" ON ddl_command_end EXECUTE FUNCTION watch();',
    objects: ['on;end'],
    mended: 'DROP EVENT TRIGGER "on;end";',
  },
];

for (const { id, severity, silent, fires, objects, mended } of CASES) {
  test(`${id} names the objects, and is silent about what is nearly one`, async () => {
    const databases = await makeDatabases(await checkPair(), `check_${id.replace('-', '_')}`, silent);
    await expectSilent(databases, id);
    await runScript(databases.programs, databases.source, fires);
    await expectFires(databases, { id, severity, objects });
    await runScript(databases.programs, databases.source, mended);
    await expectSilent(databases, id);
  });
}

test('more than ten objects are named up to the tenth, and counted', async () => {
  const script = `SELECT format('CREATE UNLOGGED TABLE t%s (n int)', to_char(n, 'FM00')) FROM generate_series(1, 13) AS n \\gexec`;
  const databases = await makeDatabases(await checkPair(), 'check_many', script);
  const { found, objects } = await expectFires(databases, { id: 'unlogged-tables', severity: 'note' });
  expect(objects.length).toBe(13);
  expect(found).toMatch(/public\.t01, .*public\.t10, and 3 more$/);
  expect(found).not.toContain('t11');
});

test('event-triggers is a warning where the target’s role is no superuser', async () => {
  const databases = await makeDatabases(
    await checkPair(),
    'check_event_triggers_left_out',
    `CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
     CREATE EVENT TRIGGER watcher ON ddl_command_end EXECUTE FUNCTION watch();`,
  );
  await query(databases.target, 'CREATE ROLE check_event_triggers LOGIN');
  await query(databases.target, 'ALTER DATABASE check_event_triggers_left_out OWNER TO check_event_triggers');
  const target = altered(databases.target, { username: 'check_event_triggers' });
  const expected = { id: 'event-triggers', severity: 'warning', objects: ['watcher'] } as const;
  await expectFires({ ...databases, target }, expected);
});

test('reserved-schema names what is in a user’s own schema _hyperferry, for a dump as well, and knows a ledger', async () => {
  const databases = await makeDatabases(
    await checkPair(),
    'check_reserved',
    'CREATE SCHEMA _hyperferry; CREATE TABLE _hyperferry.run AS SELECT 1 AS id; CREATE TABLE _hyperferry_other (n int);',
  );
  await expectFires(databases, {
    id: 'reserved-schema',
    severity: 'blocker',
    objects: ['schema _hyperferry', 'table _hyperferry.run'],
  });
  const { source, programs } = databases;
  await expect(dump({ source, programs, out: join(tmpdir(), 'hyperferry-never') })).rejects.toThrow(
    /_hyperferry\.run/,
  );
  await query(source, 'DROP SCHEMA _hyperferry CASCADE');
  await migrate({ ...databases, jobs: 1, keepLedger: true });
  await expectSilent({ ...databases, source: databases.target, target: source }, 'reserved-schema');
});

test('detach-pending names partitions whose detaching was cancelled, for a dump as well, and its mend helps', async () => {
  const databases = await makeDatabases(
    await checkPair(),
    'check_detach',
    `CREATE SCHEMA "sc;hema"; CREATE TABLE "sc;hema".parent (n int) PARTITION BY LIST (n);
     CREATE TABLE "chi;ld" PARTITION OF "sc;hema".parent FOR VALUES IN (1); INSERT INTO "chi;ld" VALUES (1);
     CREATE TABLE other PARTITION OF "sc;hema".parent FOR VALUES IN (2);`,
  );
  await expectSilent(databases, 'detach-pending');
  await withClient(databases.source, async (reader) => {
    await reader.query('BEGIN; SELECT FROM "sc;hema".parent');
    await withClient(databases.source, async (client) => {
      await client.query("SET statement_timeout = '500ms'");
      await expect(
        client.query('ALTER TABLE "sc;hema".parent DETACH PARTITION "chi;ld" CONCURRENTLY'),
      ).rejects.toThrow(/statement timeout/);
    });
  });
  const { mend } = await expectFires(databases, {
    id: 'detach-pending',
    severity: 'blocker',
    objects: ['public."chi;ld" of "sc;hema".parent'],
  });
  const { source, programs } = databases;
  await expect(dump({ source, programs, out: join(tmpdir(), 'hyperferry-never') })).rejects.toThrow(/chi;ld/);
  await query(source, mend);
  await expectSilent(databases, 'detach-pending');
});

test('subscriptions names those of this database, and none of another database of the server', async () => {
  const pair = await checkPair();
  const databases = await makeDatabases(pair, 'check_subscriptions', '');
  const subscription = (name: string) =>
    `CREATE SUBSCRIPTION "${name}" CONNECTION 'host=nowhere.invalid' PUBLICATION p WITH (connect = false)`;
  await query(databases.source, subscription('of; this one'));
  const expected = { id: 'subscriptions', severity: 'warning', objects: ['of; this one'] } as const;
  await expectFires(databases, expected);

  const neighbour = await makeDatabases(pair, 'check_no_subscriptions', '');
  await expectSilent(neighbour, 'subscriptions');
});

const FUNCTIONS = `
CREATE TABLE accepted (n int); INSERT INTO accepted VALUES (1);
CREATE FUNCTION is_accepted(int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT EXISTS (SELECT FROM accepted WHERE n = $1)';
CREATE FUNCTION plain(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE FUNCTION fixed(int) RETURNS int LANGUAGE sql IMMUTABLE SET search_path = public AS 'SELECT plain($1)';
CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';`;

test('search-path-functions names what CHECKs, defaults and indexes call, and its mend helps', async () => {
  const silent = `${FUNCTIONS}
    CREATE EXTENSION hstore;
    CREATE TABLE calm (n int CHECK (fixed(n) > 0) DEFAULT fixed(1), h hstore DEFAULT hstore('a', 'b'), m int GENERATED ALWAYS AS (abs(n)) STORED);
    CREATE TRIGGER touch BEFORE INSERT ON calm FOR EACH ROW EXECUTE FUNCTION touched();
    CREATE VIEW seen AS SELECT plain(n) FROM calm;`;
  const databases = await makeDatabases(await checkPair(), 'check_search_path', silent);
  await expectSilent(databases, 'search-path-functions');

  await runScript(
    databases.programs,
    databases.source,
    `CREATE SCHEMA "o'd;d";
     CREATE FUNCTION "o'd;d"."f""n"(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN plain($1); END';
     CREATE FUNCTION in_default() RETURNS int LANGUAGE sql AS 'SELECT plain(1)';
     CREATE FUNCTION in_index(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1';
     CREATE FUNCTION in_where(int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
     CREATE TABLE tense (n int CHECK (is_accepted(n)) DEFAULT in_default(), m int GENERATED ALWAYS AS ("o'd;d"."f""n"(n)) STORED);
     CREATE INDEX ON tense (in_index(n)) WHERE in_where(n);`,
  );
  const { mend } = await expectFires(databases, {
    id: 'search-path-functions',
    severity: 'note',
    objects: [
      'public.is_accepted(integer)',
      'public.in_default()',
      'public.in_index(integer)',
      'public.in_where(integer)',
      `"o'd;d"."f""n"(integer)`,
    ],
  });
  await runScript(databases.programs, databases.source, mend.replaceAll('…', 'public'));
  await expectSilent(databases, 'search-path-functions');
});

test('tablespaces names those that the database uses and the target lacks, and its mend helps', async () => {
  const { source, target } = await checkPair();
  const databases = await makeDatabases({ source, target }, 'check_tablespaces', 'CREATE TABLE here (n int)');
  const root = await mkdtemp(join(tmpdir(), 'hyperferry-tablespaces-'));
  const account = await serverAccount(source.binFolder, source.dataFolder);
  for (const folder of [root, join(root, 'source'), join(root, 'target')]) {
    await mkdir(folder, { recursive: true });
    await account.own(folder);
  }
  await query(source.url, `CREATE TABLESPACE "check fast" LOCATION '${join(root, 'source')}'`);
  onTestFinished(async () => {
    await query(databases.source, 'DROP TABLE here');
    await query(source.url, 'DROP TABLESPACE "check fast"');
    await query(target.url, 'DROP TABLESPACE IF EXISTS "check fast"');
    await rm(root, { recursive: true });
  });
  expect(await queryValue(source.url, 'SELECT count(*) FROM pg_tablespace')).toBe('3');
  await expectSilent(databases, 'tablespaces');

  await query(databases.source, 'ALTER TABLE here SET TABLESPACE "check fast"');
  const { mend } = await expectFires(databases, {
    id: 'tablespaces',
    severity: 'warning',
    objects: ['check fast'],
  });
  await query(target.url, mend.replace('…', join(root, 'target')));
  await expectSilent(databases, 'tablespaces');
});
