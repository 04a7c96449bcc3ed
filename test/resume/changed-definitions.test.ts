import { describe, expect, test } from 'vitest';
import { migrate, type StageName } from '../../src/index.js';
import { expectEqualDatabases } from '../integration/compare/databases.js';
import { type Databases, makeDatabases } from '../integration/databases.js';
import { apachePair, communityPair, hasCommunity } from '../integration/servers.js';
import { queryValue, runScript } from '../integration/sql.js';
import { beginOf, stopAt } from './stopped.js';

const without = hasCommunity ? '' : ' (skipped: no community edition)';

/** A run that stopped at a stage goes on after a change on the source. */
async function resumeAfter(databases: Databases, stage: StageName, change: string) {
  await stopAt(databases, beginOf(stage));
  await runScript(databases.programs, databases.source, change);
  return migrate({ ...databases, jobs: 2, resume: true });
}

describe.skipIf(!hasCommunity)(
  `TimescaleDB's catalog on the target refers to the tables that were made anew${without}`,
  () => {
    for (const [what, change] of Object.entries({
      'a default': 'ALTER TABLE reading ALTER value SET DEFAULT 7',
      'a column': 'ALTER TABLE reading ADD COLUMN more int',
    })) {
      test(`after ${what} of a hypertable with compressed chunks`, async () => {
        const databases = await makeDatabases(
          await communityPair(),
          `catalog_of_${what.replaceAll(' ', '_')}`,
          `CREATE EXTENSION timescaledb;
           CREATE TABLE reading (at timestamptz NOT NULL, device int, value float8);
           SELECT create_hypertable('reading', 'at', chunk_time_interval => interval '1 day');
           INSERT INTO reading SELECT timestamptz '2026-01-01 00:00+00' + n * interval '1 hour', n % 7, n FROM generate_series(0, 71) AS n;
           ALTER TABLE reading SET (timescaledb.compress, timescaledb.compress_segmentby = 'device');
           SELECT compress_chunk(c) FROM show_chunks('reading') AS c LIMIT 1;`,
        );
        const { verification } = await resumeAfter(databases, 'statistics', change);
        expect(verification?.equal).toBe(true);
        expect(await queryValue(databases.target, 'SELECT count(*) FROM reading')).toBe('72');
        await expectEqualDatabases(databases.source, databases.target, databases.programs);
      });
    }
  },
);

test('a column that was dropped and made again has other values, though the text of the table is the same', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'column_again',
    `CREATE TABLE event (id int, created timestamptz DEFAULT now()); INSERT INTO event (id) VALUES (1), (2);`,
  );
  const { resumed } = await resumeAfter(
    databases,
    'statistics',
    `ALTER TABLE event DROP created; ALTER TABLE event ADD created timestamptz DEFAULT '2000-01-01';
     ALTER TABLE event ALTER created SET DEFAULT now()`,
  );
  expect(resumed[0]).toMatchObject({ again: ['public.event'], takenBack: [] });
});

test('tables with sequences were renamed: a sequence goes with the table that owns it on the target', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'renamed_with_sequences',
    `CREATE TABLE event (id bigserial PRIMARY KEY, text text);
     COMMENT ON SEQUENCE event_id_seq IS 'of events'; COMMENT ON INDEX event_pkey IS 'key of events';
     CREATE TABLE left_one (id serial, text text); CREATE TABLE right_one (id serial, number int);
     CREATE TABLE parted (id serial);
     CREATE TABLE same_1 (id serial); CREATE TABLE same_2 (id serial);
     CREATE TABLE identified (id int GENERATED ALWAYS AS IDENTITY);
     INSERT INTO event (text) VALUES ('a'), ('b'); INSERT INTO same_1 DEFAULT VALUES;
     INSERT INTO identified DEFAULT VALUES; INSERT INTO left_one (text) VALUES ('a');`,
  );
  const { verification } = await resumeAfter(
    databases,
    'statistics',
    `ALTER TABLE event RENAME TO event_old;
     ALTER TABLE left_one RENAME TO was_left; ALTER TABLE right_one RENAME TO left_one; ALTER TABLE was_left RENAME TO right_one;
     ALTER TABLE same_1 RENAME TO was_1; ALTER TABLE same_2 RENAME TO same_1; ALTER TABLE was_1 RENAME TO same_2;
     ALTER TABLE identified RENAME TO identified_old;
     ALTER SEQUENCE parted_id_seq OWNED BY NONE; ALTER TABLE parted ALTER id DROP DEFAULT; DROP TABLE parted;`,
  );
  expect(verification?.equal).toBe(true);
  await expectEqualDatabases(databases.source, databases.target, databases.programs);
});

test('comments and grants that the source has no more are taken back', async () => {
  const role = 'taken_back_grantee';
  const databases = await makeDatabases(
    await apachePair(),
    'taken_back',
    `CREATE ROLE ${role}; CREATE ROLE ${role}_2; CREATE ROLE "${role} TO ""us""; FROM";
     CREATE TABLE event (id int PRIMARY KEY, text text); CREATE TABLE "odd IS 'table'" (id int);
     CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE SCHEMA more; CREATE TABLE later (id int);
     COMMENT ON TABLE event IS 'it''s \\ gone'; COMMENT ON INDEX event_pkey IS 'stays'; COMMENT ON FUNCTION one() IS 'gone IS ''gone''';
     COMMENT ON COLUMN "odd IS 'table'".id IS 'gone';
     GRANT SELECT, INSERT ON event TO ${role} WITH GRANT OPTION; GRANT UPDATE (text) ON event TO ${role};
     GRANT SELECT ON event TO "${role} TO ""us""; FROM"; GRANT DELETE ON event TO ${role}_2;
     SET ROLE ${role}; GRANT SELECT ON event TO ${role}_2; GRANT INSERT ON event TO ${role}_2 WITH GRANT OPTION; RESET ROLE;
     GRANT SELECT ON "odd IS 'table'" TO ${role}; REVOKE INSERT ON "odd IS 'table'" FROM postgres;
     REVOKE ALL ON FUNCTION one() FROM PUBLIC; GRANT USAGE ON SCHEMA more TO ${role};
     COMMENT ON DATABASE taken_back IS 'gone'; GRANT CREATE ON DATABASE taken_back TO ${role};
     ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO ${role}; ALTER DEFAULT PRIVILEGES REVOKE ALL ON FUNCTIONS FROM PUBLIC;`,
  );
  const { verification, resumed } = await resumeAfter(
    databases,
    'statistics',
    `COMMENT ON TABLE event IS NULL; COMMENT ON FUNCTION one() IS NULL; COMMENT ON COLUMN "odd IS 'table'".id IS NULL;
     REVOKE ALL ON event FROM ${role} CASCADE; GRANT INSERT ON event TO ${role}_2;
     REVOKE ALL ON event FROM "${role} TO ""us""; FROM";
     REVOKE ALL ON "odd IS 'table'" FROM ${role}; GRANT INSERT ON "odd IS 'table'" TO postgres;
     GRANT ALL ON FUNCTION one() TO PUBLIC; REVOKE ALL ON SCHEMA more FROM ${role}; ALTER TABLE later ADD text text;
     COMMENT ON DATABASE taken_back IS NULL; REVOKE CREATE ON DATABASE taken_back FROM ${role};
     ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO PUBLIC;`,
  );
  expect(verification?.equal).toBe(true);
  expect(resumed[0]?.again).toEqual(['public.later']);
  await expectEqualDatabases(databases.source, databases.target, databases.programs);
});
