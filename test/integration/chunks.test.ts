import { expect, test } from 'vitest';
import { makeDatabases } from './databases.js';
import { expectFaithfulMigration } from './ferry.js';
import { expectHypertableWorks } from './hypertables.js';
import { apachePair } from './servers.js';
import { queryValue } from './sql.js';

test('chunks in another schema and with another prefix are carried', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'chunks_elsewhere',
    `
    CREATE EXTENSION timescaledb;
    CREATE SCHEMA "chunk; store";
    CREATE TABLE reading (at timestamptz NOT NULL, value int);
    SELECT create_hypertable('reading', 'at', associated_schema_name => 'chunk; store',
                             associated_table_prefix => 'piece of "reading"');
    INSERT INTO reading SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 day', i FROM generate_series(0, 29) i;
    `,
  );
  await expectFaithfulMigration(databases);
  await expectHypertableWorks(databases.target, 'reading', {
    old: `('2026-01-05 00:00+00', 5)`,
    new: `('2020-01-01 00:00+00', 6)`,
  });
  const elsewhere = `SELECT count(*) FROM pg_tables WHERE schemaname = 'chunk; store' AND tablename LIKE 'piece of%'`;
  expect(await queryValue(databases.target, elsewhere)).toBe('6');
});

test('chunks that were renamed, moved, or have settings of their own stay as they are', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'chunks_altered',
    `
    CREATE EXTENSION timescaledb;
    CREATE ROLE chunks_reader;
    CREATE SCHEMA archive;
    CREATE TABLE reading (at timestamptz NOT NULL, device int, note text);
    SELECT create_hypertable('reading', 'at');
    INSERT INTO reading SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 day', i, repeat('x', i)
    FROM generate_series(0, 48) i;
    ALTER TABLE _timescaledb_internal._hyper_1_1_chunk RENAME TO "January; first";
    ALTER TABLE _timescaledb_internal._hyper_1_2_chunk SET SCHEMA archive;
    ALTER TABLE _timescaledb_internal._hyper_1_3_chunk
      SET (fillfactor = 50, autovacuum_enabled = off, toast.autovacuum_enabled = off);
    CREATE INDEX "own index" ON _timescaledb_internal._hyper_1_4_chunk (device) WHERE device > 3;
    ALTER INDEX _timescaledb_internal._hyper_1_5_chunk_reading_at_idx RENAME TO "renamed index";
    GRANT SELECT ON _timescaledb_internal._hyper_1_4_chunk TO chunks_reader;
    GRANT UPDATE (note) ON _timescaledb_internal._hyper_1_5_chunk TO chunks_reader;
    COMMENT ON TABLE _timescaledb_internal._hyper_1_5_chunk IS 'kept for the audit';
    COMMENT ON COLUMN _timescaledb_internal._hyper_1_5_chunk.note IS 'a column of one chunk';
    ALTER TABLE _timescaledb_internal._hyper_1_6_chunk ALTER note SET STATISTICS 500;
    CREATE STATISTICS archive.of_one_chunk ON at, device FROM _timescaledb_internal._hyper_1_6_chunk;
    `,
  );
  await expectFaithfulMigration(databases);
  await expectHypertableWorks(databases.target, 'reading', {
    old: `('2026-01-02 00:00+00', 5, 'into the renamed chunk')`,
    new: `('2020-01-01 00:00+00', 6, '')`,
  });
});

test('space partitions, whole-number time and a time function are carried', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'chunks_dimensions',
    `
    CREATE EXTENSION timescaledb;
    CREATE TABLE spread (at timestamptz NOT NULL, device text NOT NULL, place int NOT NULL, value float8);
    SELECT create_hypertable('spread', 'at', 'device', 4, chunk_time_interval => interval '3 days');
    SELECT add_dimension('spread', 'place', number_partitions => 2);
    INSERT INTO spread SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '6 hours', 'device ' || i % 7, i % 5, i
    FROM generate_series(1, 100) i;
    CREATE TABLE counted (number bigint NOT NULL, value int, UNIQUE (number, value));
    SELECT create_hypertable('counted', 'number', chunk_time_interval => 100);
    INSERT INTO counted SELECT i, -i FROM generate_series(-250, 250) i;
    CREATE FUNCTION now_in_numbers() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT 1000::bigint';
    SELECT set_integer_now_func('counted', 'now_in_numbers');
    CREATE TABLE dated (day date NOT NULL, value int);
    SELECT create_hypertable('dated', 'day', chunk_time_interval => interval '1 month');
    INSERT INTO dated SELECT '2026-01-01'::date + i, i FROM generate_series(1, 60) i;
    CREATE FUNCTION moment_of(document jsonb) RETURNS timestamptz LANGUAGE sql IMMUTABLE
      AS $$ SELECT (document ->> 'epoch')::timestamptz $$;
    CREATE TABLE documents (document jsonb NOT NULL);
    SELECT create_hypertable('documents', 'document', time_partitioning_func => 'moment_of',
                             create_default_indexes => false);
    INSERT INTO documents SELECT jsonb_build_object('epoch', '2026-01-01T00:00:00Z'::timestamptz + i * interval '3 days')
    FROM generate_series(1, 20) i;
    `,
  );
  await expectFaithfulMigration(databases);
  await expectHypertableWorks(databases.target, 'spread', {
    old: `('2026-01-02 00:00+00', 'device 1', 1, 0)`,
    new: `('2020-01-02 00:00+00', 'device 1', 1, 0)`,
  });
  await expectHypertableWorks(databases.target, 'counted', { old: `(5, 5)`, new: `(5000, 5)` });
  await expectHypertableWorks(databases.target, 'dated', {
    old: `('2026-01-05', 5)`,
    new: `('2028-01-05', 5)`,
  });
  await expectHypertableWorks(databases.target, 'documents', {
    old: `('{"epoch": "2026-01-05T00:00:00Z"}')`,
    new: `('{"epoch": "2016-01-05T00:00:00Z"}')`,
  });
});

test('an empty hypertable, and one whose chunks were all dropped, take rows after the migration', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'chunks_empty',
    `
    CREATE EXTENSION timescaledb;
    CREATE TABLE never_filled (at timestamptz NOT NULL, value int PRIMARY KEY GENERATED ALWAYS AS IDENTITY (START 5));
    ALTER TABLE never_filled DROP CONSTRAINT never_filled_pkey;
    SELECT create_hypertable('never_filled', 'at');
    CREATE TABLE emptied (at timestamptz NOT NULL, value int);
    SELECT create_hypertable('emptied', 'at');
    INSERT INTO emptied SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 day', i FROM generate_series(0, 29) i;
    SELECT drop_chunks('emptied', older_than => '2027-01-01 00:00+00'::timestamptz);
    CREATE TABLE rows_deleted (at timestamptz NOT NULL, value int);
    SELECT create_hypertable('rows_deleted', 'at');
    INSERT INTO rows_deleted VALUES ('2026-01-01 00:00+00', 1);
    DELETE FROM rows_deleted;
    `,
  );
  await expectFaithfulMigration(databases);
  expect(
    await queryValue(
      databases.target,
      `INSERT INTO never_filled VALUES ('2026-01-01 00:00+00') RETURNING value`,
    ),
  ).toBe('5');
  expect(
    await queryValue(
      databases.target,
      `INSERT INTO emptied VALUES ('2026-01-01 00:00+00', 1) RETURNING value`,
    ),
  ).toBe('1');
  await expectHypertableWorks(databases.target, 'rows_deleted', {
    old: `('2026-01-01 00:00+00', 1)`,
    new: `('2020-01-01 00:00+00', 1)`,
  });
});
