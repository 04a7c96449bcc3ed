import { expect, test } from 'vitest';
import { makeDatabases } from './databases.js';
import { expectFaithfulMigration } from './ferry.js';
import { expectHypertableWorks } from './hypertables.js';
import { apachePair } from './servers.js';
import { query, queryValue } from './sql.js';

test('partitioned tables by range, list and hash, nested and with defaults, are carried', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'tables_partitioned',
    `
    CREATE EXTENSION timescaledb;
    CREATE TABLE sale (id int, at date, region text, PRIMARY KEY (id, at, region)) PARTITION BY RANGE (at);
    CREATE TABLE sale_2025 PARTITION OF sale FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
    CREATE TABLE sale_2026 PARTITION OF sale FOR VALUES FROM ('2026-01-01') TO ('2027-01-01') PARTITION BY LIST (region);
    CREATE TABLE sale_2026_north PARTITION OF sale_2026 FOR VALUES IN ('north', 'east');
    CREATE TABLE sale_2026_other PARTITION OF sale_2026 DEFAULT WITH (fillfactor = 60);
    CREATE TABLE sale_attached (region text, gone int, at date NOT NULL, id int NOT NULL);
    ALTER TABLE sale_attached DROP COLUMN gone, ALTER region SET NOT NULL;
    ALTER TABLE sale ATTACH PARTITION sale_attached FOR VALUES FROM (MINVALUE) TO ('2025-01-01');
    INSERT INTO sale SELECT i, '2024-01-01'::date + i, (ARRAY['north', 'south', 'east'])[1 + i % 3]
    FROM generate_series(0, 1000) i;
    CREATE INDEX sale_region ON sale (region);
    CREATE INDEX own_of_partition ON sale_2025 (at) INCLUDE (region);
    CREATE TYPE colour AS ENUM ('red', 'green', 'blue', 'black', 'white');
    CREATE TABLE by_hash (colour colour, n int) PARTITION BY HASH (colour);
    CREATE TABLE by_hash_0 PARTITION OF by_hash FOR VALUES WITH (MODULUS 3, REMAINDER 0);
    CREATE TABLE by_hash_1 PARTITION OF by_hash FOR VALUES WITH (MODULUS 3, REMAINDER 1);
    CREATE TABLE by_hash_2 PARTITION OF by_hash FOR VALUES WITH (MODULUS 3, REMAINDER 2);
    CREATE TABLE by_text_hash (name text, n int) PARTITION BY HASH (name);
    CREATE TABLE by_text_hash_0 PARTITION OF by_text_hash FOR VALUES WITH (MODULUS 2, REMAINDER 0);
    CREATE TABLE by_text_hash_1 PARTITION OF by_text_hash FOR VALUES WITH (MODULUS 2, REMAINDER 1);
    INSERT INTO by_text_hash SELECT 'name ' || i, i FROM generate_series(1, 100) i;
    CREATE TABLE no_partitions (at date) PARTITION BY RANGE (at);
    CREATE TABLE by_expression (name text) PARTITION BY LIST (lower(name));
    CREATE TABLE by_expression_a PARTITION OF by_expression FOR VALUES IN ('a');
    INSERT INTO by_expression VALUES ('A'), ('a');
    CREATE ACCESS METHOD "he;ap" TYPE TABLE HANDLER heap_tableam_handler;
    CREATE TABLE by_method (n int) PARTITION BY LIST (n) USING "he;ap";
    CREATE TABLE by_method_1 PARTITION OF by_method FOR VALUES IN (1);
    CREATE TABLE by_method_2 PARTITION OF by_method FOR VALUES IN (2) PARTITION BY LIST (n) USING heap;
    CREATE TABLE no_method (n int) PARTITION BY LIST (n);
    INSERT INTO by_method VALUES (1);
    `,
  );
  await expectFaithfulMigration(databases);
  expect(
    await queryValue(
      databases.target,
      `INSERT INTO sale VALUES (1, '2026-05-05', 'west') RETURNING tableoid::regclass`,
    ),
  ).toBe('sale_2026_other');
});

test('rows stay findable in partitions by the hash of an enum, whose hashes differ on each server', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'tables_enum_hash',
    `
    CREATE EXTENSION timescaledb;
    CREATE TYPE colour AS ENUM ('red', 'green', 'blue', 'black', 'white', 'grey', 'brown');
    CREATE TABLE painted (colour colour, n int) PARTITION BY HASH (colour);
    CREATE TABLE painted_0 PARTITION OF painted FOR VALUES WITH (MODULUS 3, REMAINDER 0);
    CREATE TABLE painted_1 PARTITION OF painted FOR VALUES WITH (MODULUS 3, REMAINDER 1);
    CREATE TABLE painted_2 PARTITION OF painted FOR VALUES WITH (MODULUS 3, REMAINDER 2);
    INSERT INTO painted SELECT unnest(enum_range(NULL::colour)), i FROM generate_series(1, 10) i;
    `,
  );
  // What lies in which partition differs; what lies in all of them together is compared.
  await expectFaithfulMigration(databases, {}, { objects: [/^(rows|column \w+) of public\.painted_\d/] });
  for (const colour of ['red', 'green', 'blue', 'black', 'white', 'grey', 'brown']) {
    const found = `SELECT count(*) FROM painted WHERE colour = '${colour}'`;
    expect(await queryValue(databases.target, found), colour).toBe('10');
  }
});

test('rows stay findable in partitions by the hash of what is made of enums, and of names that are OIDs', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'tables_oid_hash',
    `
    CREATE TYPE colour AS ENUM ('red', 'green', 'blue', 'black', 'white', 'grey', 'brown');
    CREATE TYPE pair AS (colour colour, n int);
    CREATE TABLE by_array (key colour[]) PARTITION BY HASH (key);
    CREATE TABLE by_pair (key pair) PARTITION BY HASH (key);
    CREATE TABLE by_class (key regclass) PARTITION BY HASH (key);
    SELECT format('CREATE TABLE %I PARTITION OF %I FOR VALUES WITH (MODULUS 3, REMAINDER %s)', t || r, t, r)
    FROM unnest(ARRAY['by_array', 'by_pair', 'by_class']) AS t, generate_series(0, 2) AS r \\gexec
    INSERT INTO by_array SELECT ARRAY[c, 'red'] FROM unnest(enum_range(NULL::colour)) AS c;
    INSERT INTO by_pair SELECT ROW(c, 1)::pair FROM unnest(enum_range(NULL::colour)) AS c;
    INSERT INTO by_class SELECT oid FROM pg_class WHERE relname LIKE 'by\\_%' AND relkind IN ('r', 'p');
    `,
  );
  await expectFaithfulMigration(databases, {}, { objects: [/^(rows|column \w+) of public\.by_\w+\d/] });
  const found = `SELECT (SELECT count(*) FROM by_array WHERE key = '{blue,red}'), (SELECT count(*) FROM by_pair WHERE key = '(grey,1)'::pair),
    (SELECT count(*) FROM by_class WHERE key = 'by_pair1'::regclass)`;
  expect(await query(databases.target, found)).toEqual(await query(databases.source, found));
});

test('inherited tables keep their own rows, columns and constraints', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'tables_inherited',
    `
    CREATE EXTENSION timescaledb;
    CREATE TABLE vehicle (id int PRIMARY KEY, name text DEFAULT 'unnamed', CHECK (id > 0));
    CREATE TABLE engine (power int NOT NULL, CHECK (power < 1000) NO INHERIT);
    CREATE TABLE car (doors int, name text DEFAULT 'car') INHERITS (vehicle, engine);
    CREATE TABLE taxi (sign text) INHERITS (car);
    CREATE TABLE joined_later (power int NOT NULL, extra int);
    ALTER TABLE joined_later INHERIT engine;
    INSERT INTO vehicle VALUES (1, 'bicycle');
    INSERT INTO engine VALUES (5);
    INSERT INTO car VALUES (2, 'car', 100, 4);
    INSERT INTO taxi VALUES (3, 'taxi', 90, 4, 'TAXI');
    INSERT INTO joined_later VALUES (6, 7);
    CREATE TABLE of_type_base (a int, b text);
    CREATE TYPE shape AS (a int, b text);
    CREATE TABLE of_type OF shape (PRIMARY KEY (a));
    INSERT INTO of_type VALUES (1, 'one');
    `,
  );
  await expectFaithfulMigration(databases);
});

test('unlogged tables, unlogged hypertables and storage settings are carried', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'tables_unlogged',
    `
    CREATE EXTENSION timescaledb;
    CREATE UNLOGGED TABLE cache (key text PRIMARY KEY, value text);
    INSERT INTO cache VALUES ('a', 'b');
    CREATE TABLE settled (id int, big text STORAGE EXTERNAL, small text COMPRESSION pglz, much text STORAGE MAIN)
      WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.5, toast.autovacuum_vacuum_threshold = 7);
    INSERT INTO settled SELECT i, repeat('big ' || i, 3000), repeat('small', 2000), repeat('much', 1000)
    FROM generate_series(1, 20) i;
    ALTER TABLE settled ALTER id SET STATISTICS 77, ALTER big SET (n_distinct = -0.5), ALTER id SET NOT NULL;
    CREATE UNIQUE INDEX settled_id ON settled (id) WITH (fillfactor = 50);
    ALTER TABLE settled REPLICA IDENTITY USING INDEX settled_id;
    ALTER TABLE settled CLUSTER ON settled_id;
    CREATE TABLE full_identity (id int);
    ALTER TABLE full_identity REPLICA IDENTITY FULL;
    CREATE TABLE reading (at timestamptz NOT NULL, value int) WITH (fillfactor = 80);
    SELECT create_hypertable('reading', 'at');
    INSERT INTO reading VALUES ('2026-01-01 00:00+00', 1);
    `,
  );
  await expectFaithfulMigration(databases);
  await expectHypertableWorks(databases.target, 'reading', {
    old: `('2026-01-02 00:00+00', 1)`,
    new: `('2020-01-02 00:00+00', 1)`,
  });
});

test('tables that have lost their long columns are carried, without the options of their TOAST tables', async () => {
  const options = 'WITH (toast.autovacuum_vacuum_scale_factor = 0.01)';
  const databases = await makeDatabases(
    await apachePair(),
    'tables_without_toast',
    `
    CREATE EXTENSION timescaledb;
    CREATE TABLE shortened (a int, exact numeric(9, 2), kind varchar(20), note text) ${options};
    ALTER TABLE shortened DROP COLUMN note;
    INSERT INTO shortened VALUES (1, 1.5, 'first');
    CREATE TABLE reading (at timestamptz NOT NULL, note text) ${options};
    SELECT create_hypertable('reading', 'at');
    INSERT INTO reading VALUES ('2026-01-01 00:00+00', 'long');
    ALTER TABLE reading DROP COLUMN note;
    INSERT INTO reading VALUES ('2026-06-01 00:00+00');
    `,
  );
  // The source's dump has the options, which the target has taken and forgotten.
  await expectFaithfulMigration(databases, {}, { objects: [/^schema dump, /] });
});
