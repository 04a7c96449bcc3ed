import { describe, expect, test } from 'vitest';
import { stockRecord } from '../../src/archive/stock-record.js';
import { openArchive } from '../../src/postgres/archive/open-archive.js';
import { parseConnection } from '../../src/postgres/connection-string.js';
import { inSession } from '../../src/postgres/session.js';
import { readFeatures } from '../../src/timescale/features.js';
import { makeDatabases } from '../integration/databases.js';
import { apachePair, COMMUNITY_VERSIONS, communityPair, hasCommunity } from '../integration/servers.js';
import { runScript } from '../integration/sql.js';
import { dumpedByPgDump, expectRefusal } from './dumped.js';

const READINGS = `
CREATE SCHEMA "o;dd";
CREATE TYPE "o;dd".mood AS ENUM ('good', 'bad');
CREATE TABLE "o;dd"."rea""ding" (
  at timestamptz NOT NULL,
  "moo d" "o;dd".mood NOT NULL,
  points_at regclass,
  "se,g" regclass,
  value float8
);
SELECT create_hypertable('"o;dd"."rea""ding"', 'at');
CREATE TABLE plain (at timestamptz NOT NULL, number int);
SELECT create_hypertable('plain', 'at');
SELECT add_dimension('plain', 'number', number_partitions => 2);
`;

const PARTITIONS = `SELECT add_dimension('"o;dd"."rea""ding"', 'moo d', number_partitions => 2);`;

const COMMUNITY = `
INSERT INTO "o;dd"."rea""ding" VALUES ('2026-01-01', 'good', 'pg_class', 'pg_type', 1);
ALTER TABLE "o;dd"."rea""ding" SET (timescaledb.compress, timescaledb.compress_segmentby = '"se,g"');
SELECT compress_chunk(c) FROM show_chunks('"o;dd"."rea""ding"') c;
CREATE MATERIALIZED VIEW "o;dd"."da ily" WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
  SELECT time_bucket('1 day', at) AS day, count(*) FROM "o;dd"."rea""ding" GROUP BY 1;
SELECT add_retention_policy('plain', interval '100 years');
`;

describe.skipIf(!hasCommunity).each(COMMUNITY_VERSIONS)(
  'an archive of pg_dump from TimescaleDB %s, community edition',
  (version) => {
    const make = async (name: string, script: string) =>
      makeDatabases(
        await communityPair(),
        `stock_features_${name}_${version.replaceAll('.', '_')}`,
        `CREATE EXTENSION timescaledb VERSION '${version}'; ${READINGS} ${script}`,
      );

    test('tells the features that the database has', async () => {
      const databases = await make('told', PARTITIONS + COMMUNITY);
      const features = await inSession('source', parseConnection(databases.source), readFeatures);
      expect(features).toMatchObject({
        compressedHypertables: ['"o;dd"."rea""ding"'],
        realTimeAggregates: ['"o;dd"."da ily"'],
        compressedOids: ['points_at of "o;dd"."rea""ding"'],
        oidPartitions: ['"moo d" of "o;dd"."rea""ding"'],
      });
      const archive = await openArchive(await dumpedByPgDump(databases, '-Fc'));
      expect((await stockRecord(archive)).features).toEqual(features);
    });

    test('tells that all continuous aggregates are partial where the catalog is as it was before 2.7', async () => {
      if (version === '2.19.3') return; // its catalog says of each whether it is finalized
      const databases = await make('partial', COMMUNITY);
      // A column of sql/pre_install/tables.sql of 2.6.1, in the place of one of the same type that came later.
      await runScript(
        databases.programs,
        databases.source,
        `UPDATE _timescaledb_catalog.continuous_agg SET schema_change_timestamp = 86400000000;
         ALTER TABLE _timescaledb_catalog.continuous_agg RENAME COLUMN schema_change_timestamp TO bucket_width;`,
      );
      const archive = await openArchive(await dumpedByPgDump(databases, '-Fc'));
      expect((await stockRecord(archive)).features.partialAggregates).toEqual(['"o;dd"."da ily"']);
    });

    test('is refused by a target of the Apache edition before anything is changed', async () => {
      const databases = await make('edition', `SELECT add_retention_policy('plain', interval '100 years');`);
      const { target } = await makeDatabases(
        await apachePair(),
        `stock_features_apache_${version.replaceAll('.', '_')}`,
        '',
      );
      await expectRefusal({ ...databases, target }, await dumpedByPgDump(databases, '-Fd'), {
        code: 'UNSUITABLE',
        says: ['expected the community edition of TimescaleDB on the target', 'policy_retention'],
        advises: 'Install the community edition',
      });
    });
  },
);

test('an archive of pg_dump with partitions by the OIDs of an enum is refused before anything is changed', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'stock_features_partitions',
    `CREATE EXTENSION timescaledb; ${READINGS} ${PARTITIONS}`,
  );
  await expectRefusal(databases, await dumpedByPgDump(databases, '-Fc'), {
    code: 'UNSUITABLE',
    says: ['hashes of OIDs', '"moo d" of "o;dd"."rea""ding"'],
    advises: 'Copy the rows on the source',
  });
});
