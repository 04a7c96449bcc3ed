import { expect, test } from 'vitest';
import { expectEqualDatabases } from './compare/databases.js';
import { makeDatabases } from './databases.js';
import { expectFaithfulMigration, leftOutButRoles, migrateDatabase } from './ferry.js';
import { expectHypertableWorks } from './hypertables.js';
import { apachePair } from './servers.js';
import { query } from './sql.js';
import { tablespaceFolder } from './tablespace-folder.js';

test('the extension may live in another schema', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'placement_extension',
    `
    CREATE SCHEMA "time; scale";
    CREATE EXTENSION timescaledb SCHEMA "time; scale";
    SET search_path = public, "time; scale";
    CREATE TABLE reading (at timestamptz NOT NULL, value int);
    SELECT create_hypertable('reading', 'at');
    INSERT INTO reading SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 day', i FROM generate_series(1, 20) i;
    CREATE VIEW daily AS SELECT time_bucket('1 day', at) AS day, first(value, at) FROM reading GROUP BY 1;
    `,
  );
  await expectFaithfulMigration(databases);
  await expectHypertableWorks(databases.target, 'reading', {
    old: `('2026-01-02 12:00+00', 1)`,
    new: `('2020-01-02 12:00+00', 1)`,
  });
});

test('tablespaces that the target lacks are left out by name, and the next insert works', async () => {
  const pair = await apachePair();
  const databases = await makeDatabases(
    pair,
    'placement_tablespace',
    `
    CREATE EXTENSION timescaledb;
    CREATE TABLESPACE "far; away" LOCATION '${await tablespaceFolder(pair.source, 'far')}';
    CREATE TABLE reading (at timestamptz NOT NULL, value int);
    SELECT create_hypertable('reading', 'at');
    SELECT attach_tablespace('far; away', 'reading');
    INSERT INTO reading SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 day', i FROM generate_series(1, 20) i;
    CREATE TABLE plain (id int PRIMARY KEY USING INDEX TABLESPACE "far; away") TABLESPACE "far; away";
    INSERT INTO plain VALUES (1);
    CREATE MATERIALIZED VIEW summary TABLESPACE "far; away" AS SELECT count(*) FROM reading;
    `,
  );
  const outcome = await migrateDatabase(databases);
  expect(leftOutButRoles(outcome).map(({ object }) => object)).toEqual([
    'tablespace far; away',
    'attachment of hypertables to the tablespaces far; away',
  ]);
  await expectEqualDatabases(databases.source, databases.target, databases.programs, {
    lines: [/^SET default_tablespace = /, /; Tablespace: "?far; away"?/, /^-- Name: /, /^$/],
    objects: ["timescaledb's _timescaledb_catalog.tablespace"],
  });
  expect(await query(databases.target, 'SELECT * FROM _timescaledb_catalog.tablespace')).toEqual([]);
  await expectHypertableWorks(databases.target, 'reading', {
    old: `('2026-01-02 12:00+00', 1)`,
    new: `('2020-01-02 12:00+00', 1)`,
  });
});

test('tablespaces that the target has are used, and not for what has none', async () => {
  const pair = await apachePair();
  const create = (folder: string) => `CREATE TABLESPACE shared_space LOCATION '${folder}';`;
  await query(pair.target.url, create(await tablespaceFolder(pair.target, 'shared')));
  const databases = await makeDatabases(
    pair,
    'placement_shared_tablespace',
    `
    CREATE EXTENSION timescaledb;
    ${create(await tablespaceFolder(pair.source, 'shared'))}
    CREATE TABLE reading (at timestamptz NOT NULL, value int);
    SELECT create_hypertable('reading', 'at');
    SELECT attach_tablespace('shared_space', 'reading');
    INSERT INTO reading VALUES ('2026-01-01 00:00+00', 1);
    CREATE TABLE plain (id int PRIMARY KEY USING INDEX TABLESPACE shared_space) TABLESPACE shared_space;
    INSERT INTO plain VALUES (1);
    CREATE TABLE at_home (id int PRIMARY KEY);
    `,
  );
  const target = `${databases.target}?options=${encodeURIComponent('-c default_tablespace=shared_space')}`;
  await expectFaithfulMigration({ ...databases, target });
  await expectHypertableWorks(databases.target, 'reading', {
    old: `('2026-01-02 12:00+00', 1)`,
    new: `('2020-01-02 12:00+00', 1)`,
  });
});
