import { describe, expect, test } from 'vitest';
import { makeDatabases } from './databases.js';
import { expectFaithfulMigration } from './ferry.js';
import { expectHypertableWorks } from './hypertables.js';
import { COMMUNITY_VERSIONS, communityPair, hasCommunity } from './servers.js';
import { query } from './sql.js';

/** What the Apache edition's tests show of its one version, in short on both versions: their catalogs differ. */
describe.skipIf(!hasCommunity).each(COMMUNITY_VERSIONS)('hypertables in TimescaleDB %s', (version) => {
  const suffix = version.replaceAll('.', '_');

  test('foreign keys from and to a hypertable are carried and hold', async () => {
    const databases = await makeDatabases(
      await communityPair(),
      `hypertables_keys_${suffix}`,
      `
      CREATE EXTENSION timescaledb VERSION '${version}';
      CREATE TABLE device (id int PRIMARY KEY);
      INSERT INTO device VALUES (1), (2);
      CREATE TABLE reading (at timestamptz NOT NULL, device int NOT NULL REFERENCES device, value int, PRIMARY KEY (at, device));
      SELECT create_hypertable('reading', 'at');
      INSERT INTO reading SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 day', 1, i FROM generate_series(0, 30) i;
      CREATE TABLE alarm (at timestamptz, device int, FOREIGN KEY (at, device) REFERENCES reading ON DELETE CASCADE);
      INSERT INTO alarm SELECT at, device FROM reading WHERE value % 10 = 0;
      CREATE TABLE not_valid (at timestamptz, device int);
      INSERT INTO not_valid VALUES ('2000-01-01 00:00+00', 1);
      ALTER TABLE not_valid ADD FOREIGN KEY (at, device) REFERENCES reading NOT VALID;
      `,
    );
    await expectFaithfulMigration(databases);
    await expectHypertableWorks(databases.target, 'reading', {
      old: `('2026-01-02 12:00+00', 1, 1)`,
      new: `('2020-01-02 12:00+00', 2, 1)`,
    });
    for (const insert of [`alarm VALUES ('2030-01-01', 1)`, `reading VALUES ('2030-01-01', 3, 1)`]) {
      const refused = query(databases.target, `INSERT INTO ${insert}`);
      await expect(refused, insert).rejects.toThrow('violates foreign key constraint');
    }
  });

  test('chunks that were renamed, moved, or have settings, indexes and columns of another age are carried', async () => {
    const databases = await makeDatabases(
      await communityPair(),
      `hypertables_chunks_${suffix}`,
      `
      CREATE SCHEMA "time; scale";
      CREATE EXTENSION timescaledb VERSION '${version}' SCHEMA "time; scale";
      SET search_path = public, "time; scale";
      CREATE ROLE hypertables_reader_${suffix};
      CREATE SCHEMA archive;
      CREATE TABLE reading (gone int, at timestamptz NOT NULL, device int, value int, twice int GENERATED ALWAYS AS (value * 2) STORED);
      SELECT create_hypertable('reading', 'at', 'device', 2, associated_table_prefix => 'pie"ce');
      CREATE INDEX "by; value" ON reading (value);
      INSERT INTO reading SELECT i, '2026-01-01 00:00+00'::timestamptz + i * interval '1 day', i % 9, i FROM generate_series(0, 48) i;
      ALTER TABLE reading DROP COLUMN gone;
      ALTER TABLE reading ADD COLUMN added int DEFAULT 7;
      INSERT INTO reading SELECT '2026-04-01 00:00+00'::timestamptz + i * interval '1 day', i % 9, i FROM generate_series(0, 9) i;
      ALTER TABLE _timescaledb_internal."pie""ce_1_chunk" RENAME TO "January; first";
      ALTER TABLE _timescaledb_internal."pie""ce_2_chunk" SET SCHEMA archive;
      ALTER TABLE _timescaledb_internal."pie""ce_3_chunk" SET (fillfactor = 50, autovacuum_enabled = off);
      CREATE INDEX "own index" ON _timescaledb_internal."pie""ce_4_chunk" (device) WHERE device > 3;
      COMMENT ON TABLE _timescaledb_internal."pie""ce_5_chunk" IS 'kept for the audit';
      GRANT SELECT ON _timescaledb_internal."pie""ce_6_chunk" TO hypertables_reader_${suffix};
      CREATE TABLE empty (at timestamptz NOT NULL);
      SELECT create_hypertable('empty', 'at');
      `,
    );
    await expectFaithfulMigration(databases);
    await expectHypertableWorks(databases.target, 'reading', {
      columns: 'at, device, value',
      old: `('2026-01-02 12:00+00', 0, 1)`,
      new: `('2020-01-02 12:00+00', 0, 1)`,
    });
  });
});
