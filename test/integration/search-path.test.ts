import { expect, test } from 'vitest';
import type { HyperferryError } from '../../src/index.js';
import { makeDatabases } from './databases.js';
import { expectFaithfulMigration, migrateDatabase } from './ferry.js';
import { expectHypertableWorks } from './hypertables.js';
import { apachePair } from './servers.js';
import { query, queryValue } from './sql.js';

/** Functions that leave names to the session's search_path, in another schema than `public`. */
const FUNCTIONS = `
CREATE EXTENSION timescaledb;
CREATE SCHEMA app;
ALTER DATABASE :"DBNAME" SET search_path = app, public;
SET search_path = app, public;
CREATE FUNCTION app.limit_of(device int) RETURNS int LANGUAGE plpgsql IMMUTABLE
  AS $$ BEGIN RETURN base_limit() + device; END $$;
CREATE FUNCTION app.base_limit() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 100';
`;

test('a CHECK that calls a function with unqualified names lets the rows pass', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'search_path_check',
    `${FUNCTIONS}
    CREATE DOMAIN limited AS int CHECK (VALUE < limit_of(1000));
    CREATE TABLE reading (at timestamptz NOT NULL, device int, value int, CHECK (value < limit_of(device)), l limited);
    SELECT create_hypertable('reading', 'at');
    INSERT INTO reading SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 day', i, i, i FROM generate_series(1, 20) i;
    CREATE TABLE plain (value int CHECK (value < limit_of(0)), l limited);
    INSERT INTO plain VALUES (99, 5);
    `,
  );
  await expectFaithfulMigration(databases);
  await expectHypertableWorks(databases.target, 'app.reading', {
    old: `('2026-01-02 12:00+00', 1, 1, 1)`,
    new: `('2020-01-02 12:00+00', 1, 1, 1)`,
  });
});

test('a generated column and a default that call a function with unqualified names are computed', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'search_path_generated',
    `${FUNCTIONS}
    CREATE TABLE reading (at timestamptz NOT NULL, device int, top int GENERATED ALWAYS AS (limit_of(device)) STORED);
    SELECT create_hypertable('reading', 'at');
    INSERT INTO reading SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 day', i FROM generate_series(1, 20) i;
    CREATE TABLE plain (device int, top int GENERATED ALWAYS AS (limit_of(device)) STORED, d int DEFAULT limit_of(1));
    INSERT INTO plain VALUES (1), (2);
    `,
  );
  await expectFaithfulMigration(databases);
  expect(
    await queryValue(databases.target, `INSERT INTO reading VALUES ('2020-01-01 00:00+00', 5) RETURNING top`),
  ).toBe('105');
});

test('an index whose function has unqualified names, made when the table was empty, is carried', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'search_path_index',
    `${FUNCTIONS}
    CREATE TABLE reading (at timestamptz NOT NULL, device int);
    SELECT create_hypertable('reading', 'at');
    CREATE INDEX by_limit ON reading (limit_of(device));
    CREATE INDEX where_limit ON reading (device) WHERE limit_of(device) > 5;
    INSERT INTO reading SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 hour', i FROM generate_series(1, 20) i;
    CREATE TABLE plain (device int);
    CREATE UNIQUE INDEX plain_by_limit ON plain (limit_of(device));
    INSERT INTO plain SELECT generate_series(1, 100);
    CREATE TABLE excluding (device int, EXCLUDE USING btree (limit_of(device) WITH =));
    INSERT INTO excluding SELECT generate_series(1, 100);
    CREATE TABLE parts (device int) PARTITION BY RANGE (device);
    CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (1000);
    CREATE INDEX parts_by_limit ON parts (limit_of(device));
    INSERT INTO parts SELECT generate_series(1, 100);
    CREATE TABLE beside AS SELECT generate_series(1, 100) AS n;
    `,
  );
  await expectFaithfulMigration(databases);
  expect(
    await queryValue(databases.target, `SELECT count(*) FROM pg_stats WHERE tablename = 'beside'`),
    'statistics of a table beside those that cannot be analyzed',
  ).toBe('1');
  const found = `SET enable_seqscan = off; SELECT device FROM plain WHERE limit_of(device) = 142`;
  expect(await queryValue(databases.target, found.split('; ')[1] ?? '')).toBe('42');
});

test('a policy and a view that rely on search_path are carried', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'search_path_view',
    `${FUNCTIONS}
    CREATE TABLE plain (device int);
    INSERT INTO plain SELECT generate_series(1, 10);
    CREATE FUNCTION app.total() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT sum(device) FROM plain';
    CREATE VIEW limits AS SELECT device, limit_of(device) FROM plain;
    ALTER TABLE plain ENABLE ROW LEVEL SECURITY;
    CREATE POLICY limited ON plain USING (total() > 0);
    `,
  );
  await expectFaithfulMigration(databases);
});

test('where a function does not find what it leaves to a search_path that only its makers had set, the hint says so and helps', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'search_path_unset',
    `
    CREATE SCHEMA app;
    SET search_path = app, public;
    CREATE TABLE looked_up (value int);
    CREATE FUNCTION counted() RETURNS bigint LANGUAGE plpgsql IMMUTABLE
      AS $$ BEGIN RETURN (SELECT count(*) FROM looked_up); END $$;
    CREATE TABLE plain (value int CHECK (counted() >= 0));
    INSERT INTO plain VALUES (1);
    `,
  );
  for (const resume of [false, true]) {
    const error = await migrateDatabase(databases, { resume }).catch((refusal: HyperferryError) => refusal);
    expect(error).toMatchObject({
      code: 'COPY',
      message: expect.stringContaining('"looked_up" does not exist'),
    });
    expect(error).toMatchObject({
      hint: expect.stringMatching(/function app\.counted\(\).*ALTER FUNCTION … SET search_path/),
    });
    expect(error).not.toMatchObject({ hint: expect.stringContaining('somebody has dropped it') });
  }
  await query(databases.source, 'ALTER FUNCTION app.counted SET search_path = app, public');
  await migrateDatabase(databases, { resume: true });
  expect(await queryValue(databases.target, 'SELECT value FROM app.plain')).toBe('1');
});
