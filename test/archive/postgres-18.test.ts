import { expect, test } from 'vitest';
import { restore } from '../../src/index.js';
import { expectEqualDatabases } from '../integration/compare/databases.js';
import { type Databases, makeDatabaseBeside, makeDatabases } from '../integration/databases.js';
import { leftOutButRoles } from '../integration/ferry.js';
import { apachePair, startExtraServer } from '../integration/servers.js';
import { runScript } from '../integration/sql.js';
import { createDatabase } from '../verify/twins.js';
import { followReadme } from './by-readme.js';
import { dumped, dumpedByPgDump } from './dumped.js';

/** Entries that pg_dump writes since version 18: statistics, and constraints that are NOT NULL and have names. */
const CONTENT = `
CREATE TABLE person (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text CONSTRAINT named NOT NULL, document jsonb);
INSERT INTO person (name, document) SELECT 'person ' || n, jsonb_build_object('n', n) FROM generate_series(1, 1000) AS n;
CREATE TABLE event (person bigint REFERENCES person, at date NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE event_2026 PARTITION OF event FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO event SELECT n, '2026-01-01'::date + n % 300 FROM generate_series(1, 1000) AS n;
CREATE STATISTICS of_event ON person, at FROM event;
CREATE MATERIALIZED VIEW monthly AS SELECT extract(month FROM at) AS month, count(*) FROM event GROUP BY 1;
SELECT lo_from_bytea(1234, 'content');
ANALYZE;
`;

/** With what is new in 18. */
const CONTENT_OF_18 = `
CREATE EXTENSION timescaledb;
CREATE TABLE reading (at timestamptz NOT NULL, device int, value float8, doubled float8 GENERATED ALWAYS AS (value * 2) VIRTUAL);
SELECT create_hypertable('reading', 'at', chunk_time_interval => interval '1 day');
INSERT INTO reading SELECT timestamptz '2026-01-01 00:00+00' + n * interval '1 hour', n % 7, n FROM generate_series(0, 71) AS n;
${CONTENT}
ALTER TABLE person ADD CONSTRAINT has_document NOT NULL document NOT VALID;
ANALYZE;
`;

test('dumps by pg_dump 18, of PostgreSQL 17 and of 18, are restored into 18, and end equal', async () => {
  const target = await startExtraServer('dump-18', { postgres: 18 });
  const pair = { source: (await apachePair()).source, target };
  await expectFaithfulDump(await makeDatabases(pair, 'dump_of_17', CONTENT));

  const programs = target.binFolder;
  const source = await createDatabase(target, 'dump_of_18', 'template0');
  await runScript(programs, source, CONTENT_OF_18);
  const databases = { source, target: await createDatabase(target, 'from_18', 'template0'), programs };
  await expectFaithfulDump(databases);

  // Not of 17, whose server may be newer than this pg_dump: see “pg_attver” in troubleshooting.md.
  const from = await dumpedByPgDump(databases, '-Fc', '--statistics');
  const ofStock = await createDatabase(target, 'from_stock_18', 'template0');
  await restore({ from, target: ofStock, jobs: 2 });
  await expectEqualDatabases(source, ofStock, programs);
});

/** By a restore, and by README.txt. */
async function expectFaithfulDump(databases: Databases): Promise<void> {
  const { source, target, programs } = databases;
  const from = await dumped(databases);
  const outcome = await restore({ from, target, jobs: 2 });
  expect(leftOutButRoles(outcome)).toEqual([]);
  expect(outcome.verification).toMatchObject({ equal: true });
  await expectEqualDatabases(source, target, programs);

  const byHand = await makeDatabaseBeside(target);
  await followReadme(from, byHand, programs);
  await expectEqualDatabases(source, byHand, programs);
}
