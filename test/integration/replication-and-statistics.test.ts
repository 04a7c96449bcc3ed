import { expect, test } from 'vitest';
import { makeDatabases } from './databases.js';
import { expectFaithfulMigration } from './ferry.js';
import { apachePair } from './servers.js';
import { queryValue, runScript } from './sql.js';

test('publications of all tables, of schemas, and of tables with columns and conditions are carried', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'publications',
    `
    CREATE EXTENSION timescaledb;
    CREATE SCHEMA published;
    CREATE TABLE published.one (id int PRIMARY KEY, value int, hidden text);
    CREATE TABLE reading (at timestamptz NOT NULL, value int);
    SELECT create_hypertable('reading', 'at');
    INSERT INTO reading VALUES ('2026-01-01 00:00+00', 1);
    INSERT INTO published.one VALUES (1, 2, 'x');
    CREATE PUBLICATION "all; 'tables'" FOR ALL TABLES WITH (publish = 'insert');
    CREATE PUBLICATION of_schema FOR TABLES IN SCHEMA published WITH (publish_via_partition_root);
    CREATE PUBLICATION of_columns FOR TABLE published.one (id, value) WHERE (value > 1), TABLE reading;
    CREATE PUBLICATION of_nothing;
    COMMENT ON PUBLICATION of_nothing IS 'empty';
    CREATE SUBSCRIPTION unconnected CONNECTION 'host=nowhere.invalid' PUBLICATION p
      WITH (connect = false, slot_name = NONE, enabled = false);
    `,
  );
  await expectFaithfulMigration(databases);
});

test('a comment on a subscription that was dropped is no matter, on either side', async () => {
  const orphan = `
    CREATE SUBSCRIPTION gone CONNECTION 'host=nowhere.invalid' PUBLICATION p WITH (connect = false, slot_name = NONE);
    COMMENT ON SUBSCRIPTION gone IS 'left behind'; DROP SUBSCRIPTION gone;`;
  const databases = await makeDatabases(
    await apachePair(),
    'orphaned_comment',
    `CREATE TABLE entry (a int); ${orphan} ${orphan}`,
  );
  await runScript(databases.programs, databases.target, orphan);
  await expectFaithfulMigration(databases);
});

test('statistics objects, statistics targets and comments on every kind of object are carried', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'statistics',
    `
    CREATE EXTENSION timescaledb;
    CREATE TABLE reading (at timestamptz NOT NULL, a int CONSTRAINT positive CHECK (a >= 0), b int);
    SELECT create_hypertable('reading', 'at');
    INSERT INTO reading SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 hour', i % 10, i % 10
    FROM generate_series(1, 1000) i;
    CREATE STATISTICS "all; kinds" ON a, b FROM reading;
    CREATE STATISTICS of_ndistinct (ndistinct) ON a, b FROM reading;
    CREATE STATISTICS of_expression ON (a % 3), (b * 2) FROM reading;
    ALTER STATISTICS of_ndistinct SET STATISTICS 5;
    ALTER TABLE reading ALTER a SET STATISTICS 1000;
    CREATE INDEX on_expression ON reading ((a + b));
    ALTER INDEX on_expression ALTER COLUMN 1 SET STATISTICS 200;
    CREATE SEQUENCE numbers;
    CREATE DOMAIN percent AS int CONSTRAINT in_range CHECK (VALUE <= 100);
    CREATE FUNCTION described(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
    COMMENT ON TABLE reading IS E'two\\nlines; -- and \\t a tab';
    COMMENT ON COLUMN reading.a IS 'of a column';
    COMMENT ON CONSTRAINT positive ON reading IS 'of a constraint';
    COMMENT ON CONSTRAINT in_range ON DOMAIN percent IS 'of a domain''s constraint';
    COMMENT ON INDEX on_expression IS 'of an index';
    COMMENT ON STATISTICS of_ndistinct IS 'of statistics';
    COMMENT ON SEQUENCE numbers IS 'of a sequence';
    COMMENT ON DOMAIN percent IS 'of a domain';
    COMMENT ON FUNCTION described(int) IS 'of a function';
    COMMENT ON SCHEMA public IS 'of a schema that is always there';
    COMMENT ON EXTENSION timescaledb IS 'of the extension';
    `,
  );
  await expectFaithfulMigration(databases);
  const estimates = `SELECT count(*) FROM pg_stats_ext WHERE statistics_name = 'all; kinds' AND n_distinct IS NOT NULL`;
  expect(await queryValue(databases.target, estimates), 'statistics that ANALYZE gathered').not.toBe('0');
});
