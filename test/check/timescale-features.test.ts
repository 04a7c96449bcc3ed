import { describe, expect, test } from 'vitest';
import { type Databases, makeDatabases } from '../integration/databases.js';
import { migrateDatabase } from '../integration/ferry.js';
import { apachePair, COMMUNITY_VERSIONS, communityPair, hasCommunity } from '../integration/servers.js';
import { query, queryValue, runScript } from '../integration/sql.js';
import { expectFinding, expectFires, expectSilence, expectSilent, findingsOf } from './findings.js';
import { altered, checkPair } from './pair.js';

const READINGS = `
CREATE TABLE "rea;ding" (at timestamptz NOT NULL, device int, value float8);
SELECT create_hypertable('"rea;ding"', 'at', chunk_time_interval => interval '1 day');
INSERT INTO "rea;ding" SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 hour', i % 3, i FROM generate_series(0, 47) i;`;

const COMPRESSED = `${READINGS}
ALTER TABLE "rea;ding" SET (timescaledb.compress, timescaledb.compress_segmentby = 'device');
SELECT compress_chunk(c) FROM show_chunks('"rea;ding"') AS c;`;

const AGGREGATE = `
CREATE MATERIALIZED VIEW "da;ily" WITH (timescaledb.continuous) AS
  SELECT time_bucket('1 day', at) AS day, sum(value) FROM "rea;ding" GROUP BY 1 WITH NO DATA;`;

const POLICY = `SELECT add_retention_policy('"rea;ding"', interval '100 years', initial_start => '2100-01-01 00:00+00');`;

const IDS = [
  'license-edition',
  'partial-aggregates',
  'multi-node',
  'compressed-null',
  'compressed-added-columns',
] as const;

test('hypertables alone, or no TimescaleDB at all, need nothing that a target may lack', async () => {
  const pair = await checkPair();
  const plain = await makeDatabases(pair, 'check_features_plain', '');
  const ordinary = await makeDatabases(pair, 'check_features', `CREATE EXTENSION timescaledb; ${READINGS}`);
  for (const databases of [plain, ordinary]) {
    const findings = await findingsOf(databases);
    for (const id of IDS) expectSilence(findings, id);
  }
});

test('partitions-by-oid names space dimensions of enums, and none of texts or of functions of their own', async () => {
  const databases = await makeDatabases(
    await checkPair(),
    'check_features_space',
    `CREATE EXTENSION timescaledb;
     CREATE TYPE state AS ENUM ('on', 'off');
     CREATE DOMAIN state_of AS state;
     CREATE FUNCTION half(anyelement) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT length($1::text)';
     CREATE TABLE by_enum (at timestamptz NOT NULL, state state_of);
     CREATE TABLE by_text (at timestamptz NOT NULL, state text);
     CREATE TABLE by_own (at timestamptz NOT NULL, state state);
     SELECT create_hypertable('by_enum', 'at', 'state', 3), create_hypertable('by_text', 'at', 'state', 3),
            create_hypertable('by_own', 'at', 'state', 3, partitioning_func => 'half');`,
  );
  await expectFires(databases, {
    id: 'partitions-by-oid',
    severity: 'blocker',
    objects: ['state of public.by_enum'],
  });
});

describe.skipIf(!hasCommunity).each(COMMUNITY_VERSIONS)(
  'features of TimescaleDB %s, community edition',
  (version) => {
    const make = async (name: string, script: string): Promise<Databases> =>
      makeDatabases(
        await communityPair(),
        `check_${name}_${version.replaceAll('.', '_')}`,
        `CREATE EXTENSION timescaledb VERSION '${version}'; ${script}`,
      );

    test('license-edition names all that the Apache edition lacks, and only where the target is one', async () => {
      const databases = await make('edition', `${COMPRESSED} ${AGGREGATE} ${POLICY}`);
      await expectSilent(databases, 'license-edition');
      const { target } = await apachePair();
      const apache = altered(target.url, { pathname: '/postgres' });
      await expectFires(
        { ...databases, target: apache },
        {
          id: 'license-edition',
          severity: 'blocker',
          objects: [
            'compressed hypertable public."rea;ding"',
            'continuous aggregate public."da;ily"',
            `job ${await policyJob(databases)} (policy_retention)`,
          ],
        },
      );
    });

    test('license-edition is silent about hypertables, whatever edition they come from', async () => {
      const databases = await make('edition_not', READINGS);
      const { target } = await apachePair();
      await expectSilent({ ...databases, target: target.url }, 'license-edition');
    });

    test('compressed-null names compressed hypertables of the version that cannot read its own NULLs', async () => {
      const expected = {
        id: 'compressed-null',
        severity: 'note',
        objects: ['public."rea;ding"'],
        says: version,
      } as const;
      const databases = await make('null', READINGS);
      await expectSilent(databases, 'compressed-null');
      await query(databases.source, `ALTER TABLE "rea;ding" SET (timescaledb.compress)`);
      if (version === '2.19.3') await expectFires(databases, expected);
      else await expectSilent(databases, 'compressed-null');
    });

    test('compressed-added-columns stops a target without superuser, and its mend helps', async () => {
      const databases = await make('added', `${COMPRESSED} ${READINGS.replaceAll('rea;ding', 'plain')}`);
      const role = `check_added_${version.replaceAll('.', '_')}`;
      await runScript(
        databases.programs,
        databases.target,
        `CREATE ROLE ${role} LOGIN; ALTER DATABASE ${role} OWNER TO ${role};`,
      );
      const asOwner = { ...databases, target: altered(databases.target, { username: role }) };
      await expectSilent(asOwner, 'compressed-added-columns');

      for (const table of ['"rea;ding"', 'plain'])
        await query(databases.source, `ALTER TABLE ${table} ADD added int DEFAULT 7`);
      const chunks = await query<{ name: string }>(
        databases.source,
        `SELECT c.oid::regclass::text || '.added' AS name FROM show_chunks('"rea;ding"') AS c (oid)`,
      );
      const findings = await findingsOf(asOwner);
      const { mend, objects } = expectFinding(findings, {
        id: 'compressed-added-columns',
        severity: 'blocker',
      });
      expect(objects.map((name) => name.replaceAll('"', '')).sort()).toEqual(chunks.map(({ name }) => name));
      await expectSilent(databases, 'compressed-added-columns');
      await runScript(databases.programs, databases.source, mend);
      await expectSilent(asOwner, 'compressed-added-columns');
      expect(await queryValue(databases.source, 'SELECT sum(added) FROM "rea;ding"')).toBe(String(48 * 7));
    });

    test('compressed-oids names compressed columns whose values are OIDs, once they are compressed', async () => {
      const databases = await make(
        'oids',
        `CREATE DOMAIN relation AS regclass;
         CREATE TABLE named (at timestamptz NOT NULL, what relation, types regtype[], by regrole, kind oid);
         SELECT create_hypertable('named', 'at');
         ALTER TABLE named SET (timescaledb.compress, timescaledb.compress_segmentby = 'by');
         INSERT INTO named VALUES ('2026-01-01 00:00+00', 'named', '{int4}', 'postgres', 1);`,
      );
      await expectSilent(databases, 'compressed-oids');
      await query(databases.source, `SELECT compress_chunk(c) FROM show_chunks('named') AS c`);
      await expectFires(databases, {
        id: 'compressed-oids',
        severity: 'blocker',
        objects: ['what of public.named', 'types of public.named'],
      });
    });

    test('hypercore names what has that access method, and its mend helps', async () => {
      const databases = await make('hypercore', COMPRESSED);
      await expectSilent(databases, 'hypercore');
      if (version !== '2.19.3') return; // newer ones have none
      await query(databases.source, `SELECT decompress_chunk(c) FROM show_chunks('"rea;ding"') AS c`);
      await query(
        databases.source,
        `SELECT compress_chunk(c, hypercore_use_access_method => true) FROM show_chunks('"rea;ding"') AS c LIMIT 1`,
      );
      const { mend } = await expectFires(databases, { id: 'hypercore', severity: 'blocker' });
      await runScript(databases.programs, databases.source, mend);
      await expectSilent(databases, 'hypercore');
    });

    test('multi-node names hypertables that have a replication factor, as versions before 2.14 wrote it', async () => {
      const databases = await make('multi_node', READINGS);
      await query(
        databases.source,
        'ALTER TABLE _timescaledb_catalog.hypertable ADD replication_factor smallint',
      );
      await expectSilent(databases, 'multi-node');
      await query(databases.source, 'UPDATE _timescaledb_catalog.hypertable SET replication_factor = 1');
      await expectFires(databases, {
        id: 'multi-node',
        severity: 'blocker',
        objects: ['public."rea;ding"'],
      });
    });

    test('partial-aggregates names continuous aggregates that are not finalized', async () => {
      const databases = await make('partial', `${READINGS} ${AGGREGATE}`);
      await expectSilent(databases, 'partial-aggregates');
      // Neither version makes them any more; the newer one has also lost the column.
      await query(
        databases.source,
        `ALTER TABLE _timescaledb_catalog.continuous_agg ADD COLUMN IF NOT EXISTS finalized boolean`,
      );
      await query(databases.source, 'UPDATE _timescaledb_catalog.continuous_agg SET finalized = false');
      const { mend } = await expectFires(databases, {
        id: 'partial-aggregates',
        severity: 'warning',
        objects: ['public."da;ily"'],
      });
      expect(mend).toBe(`CALL cagg_migrate('public."da;ily"');`);
    });

    test('partial-aggregates names all continuous aggregates of a catalog as it was before 2.7', async () => {
      if (version === '2.19.3') return; // its catalog says of each whether it is finalized
      const databases = await make('partial_all', `${READINGS} ${AGGREGATE}`);
      // A column of sql/pre_install/tables.sql of 2.6.1, in the place of one of the same type that came later.
      await runScript(
        databases.programs,
        databases.source,
        `UPDATE _timescaledb_catalog.continuous_agg SET schema_change_timestamp = 86400000000;
         ALTER TABLE _timescaledb_catalog.continuous_agg RENAME COLUMN schema_change_timestamp TO bucket_width;`,
      );
      await expectFires(databases, {
        id: 'partial-aggregates',
        severity: 'warning',
        objects: ['public."da;ily"'],
      });
    });

    test('aggregate-order names real-time aggregates that are not sorted any more, and the setting that mends it', async () => {
      const databases = await make('order', `${READINGS} ${AGGREGATE}`);
      await expectSilent(databases, 'aggregate-order');
      await query(
        databases.source,
        `ALTER MATERIALIZED VIEW "da;ily" SET (timescaledb.materialized_only = false)`,
      );
      if (version !== '2.19.3') return expectSilent(databases, 'aggregate-order');
      const { mend } = await expectFires(databases, {
        id: 'aggregate-order',
        severity: 'warning',
        objects: ['public."da;ily"'],
      });
      await migrateDatabase(databases);
      const sorted = (): Promise<unknown[]> => query(databases.target, 'SELECT * FROM "da;ily" ORDER BY day');
      await expect(sorted()).rejects.toThrow('expression not found in targetlist');
      await query(databases.target, /^ALTER DATABASE .* = off;/.exec(mend)?.[0] ?? '');
      expect(await sorted()).toHaveLength(2);
    });
  },
);

async function policyJob({ source }: Databases): Promise<string | null> {
  return queryValue(
    source,
    `SELECT job_id FROM timescaledb_information.jobs WHERE proc_name = 'policy_retention'`,
  );
}
