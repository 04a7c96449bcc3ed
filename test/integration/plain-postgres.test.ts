import { describe, expect, test } from 'vitest';
import { type Databases, makeDatabases } from './databases.js';
import { expectFaithfulMigration } from './ferry.js';
import { apachePair, startExtraServer } from './servers.js';
import { queryValue } from './sql.js';

const CONTENT = `
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TABLE person (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, moods mood[], at timestamptz,
                     document jsonb, price numeric, CHECK (name <> ''));
INSERT INTO person (name, moods, at, document, price)
SELECT 'person ' || i, ARRAY['sad', 'happy']::mood[], '2026-01-01 00:00+00'::timestamptz + i * interval '1 hour',
       jsonb_build_object('i', i), i / 7.0 FROM generate_series(1, 5000) i;
CREATE TABLE event (person bigint REFERENCES person, at date NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE event_2026 PARTITION OF event FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO event SELECT i, '2026-01-01'::date + i % 300 FROM generate_series(1, 1000) i;
CREATE INDEX ON event (at);
CREATE MATERIALIZED VIEW monthly AS SELECT date_trunc('month', at) AS month, count(*) FROM event GROUP BY 1;
CREATE VIEW names AS SELECT name FROM person;
CREATE TABLE wanted AS SELECT plainto_tsquery('english', 'the') AS words;
SELECT lo_from_bytea(1234, 'content');
COMMENT ON TABLE person IS 'people';
`;

test('a database without TimescaleDB is moved as plain PostgreSQL', async () => {
  const databases = await makeDatabases(await apachePair(), 'plain', CONTENT);
  const outcome = await expectFaithfulMigration(databases);
  expect(outcome.timescaleVersion).toBeUndefined();
  expect(await queryValue(databases.target, `INSERT INTO person (name) VALUES ('x') RETURNING id`)).toBe(
    '5001',
  );
});

test('an empty database without TimescaleDB is moved', async () => {
  await expectFaithfulMigration(await makeDatabases(await apachePair(), 'plain_empty', ''));
});

test('a hypertable-less database with TimescaleDB is moved', async () => {
  await expectFaithfulMigration(
    await makeDatabases(await apachePair(), 'plain_extension', 'CREATE EXTENSION timescaledb;'),
  );
});

describe('PostgreSQL 18 as target', () => {
  test('a database of PostgreSQL 17 is moved', async () => {
    const { source } = await apachePair();
    const target = await startExtraServer('plain-18', { postgres: 18 });
    const databases: Databases = await makeDatabases({ source, target }, 'plain_17_to_18', CONTENT);
    await expectFaithfulMigration(databases);
  });
});
