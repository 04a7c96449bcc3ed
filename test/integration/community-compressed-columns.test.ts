import { describe, expect, test } from 'vitest';
import { makeDatabases } from './databases.js';
import { expectFaithfulMigration } from './ferry.js';
import { expectHypertableWorks } from './hypertables.js';
import { COMMUNITY_VERSIONS, communityPair, hasCommunity } from './servers.js';
import { query, queryValue, withFixedDisplay } from './sql.js';

describe.skipIf(!hasCommunity).each(COMMUNITY_VERSIONS)('compressed columns in TimescaleDB %s', (version) => {
  const suffix = version.replaceAll('.', '_');

  test('rows that were compressed before a column with a default was added still show the default', async () => {
    const databases = await makeDatabases(
      await communityPair(),
      `compressed_default_${suffix}`,
      `
      CREATE EXTENSION timescaledb VERSION '${version}';
      CREATE TABLE reading (at timestamptz NOT NULL, value int);
      SELECT create_hypertable('reading', 'at', chunk_time_interval => interval '1 day');
      INSERT INTO reading SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 hour', i FROM generate_series(0, 71) i;
      ALTER TABLE reading SET (timescaledb.compress);
      SELECT compress_chunk(chunk) FROM show_chunks('reading', older_than => '2026-01-02 12:00+00'::timestamptz) chunk;
      ALTER TABLE reading ADD COLUMN added int DEFAULT 5;
      ALTER TABLE reading ADD COLUMN "ad;ded" text NOT NULL DEFAULT 'it''s';
      ALTER TABLE reading ALTER COLUMN added SET DEFAULT 6;
      `,
    );
    await expectFaithfulMigration(databases);
    const added = `SELECT added, "ad;ded", count(*)::int FROM reading GROUP BY 1, 2`;
    expect(await query(databases.target, added)).toEqual([{ added: 5, 'ad;ded': `it's`, count: 72 }]);
  });

  test('compressed arrays and composites of user-defined types are carried', async () => {
    const databases = await makeDatabases(
      await communityPair(),
      `compressed_types_${suffix}`,
      `
      CREATE EXTENSION timescaledb VERSION '${version}';
      CREATE TYPE state AS ENUM ('on', 'off');
      CREATE TYPE pair AS (state state, note text);
      CREATE DOMAIN positive AS int CHECK (VALUE > 0);
      CREATE TABLE reading (at timestamptz NOT NULL, states state[], pair pair, pairs pair[], positive positive,
                            positives positive[], range int4range);
      SELECT create_hypertable('reading', 'at', chunk_time_interval => interval '1 day');
      INSERT INTO reading
      SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 hour', ARRAY['on', NULL, 'off']::state[],
             ROW('on', 'note ' || i)::pair, ARRAY[ROW('off', i)::pair], i + 1, ARRAY[i + 1, NULL]::positive[],
             int4range(0, i)
      FROM generate_series(0, 47) i;
      ALTER TABLE reading SET (timescaledb.compress);
      SELECT compress_chunk(chunk) FROM show_chunks('reading') chunk;
      `,
    );
    // The stored form of an array or composite holds its types' OIDs, and those are each server's own. What the rows
    // are when decompressed is compared, under the hypertable's name.
    const stored = [/^(rows|column \w+) of _timescaledb_internal\.\w*compress/];
    await expectFaithfulMigration(databases, {}, { objects: stored });
    await query(databases.target, `SELECT decompress_chunk(chunk) FROM show_chunks('reading') chunk`);
    const text = `SELECT count(*) || md5(string_agg(reading::text, ',' ORDER BY at)) FROM reading`;
    expect(await queryValue(withFixedDisplay(databases.target), text)).toBe(
      await queryValue(withFixedDisplay(databases.source), text),
    );
  });

  test('the statistics by which queries skip compressed chunks are carried', async () => {
    const databases = await makeDatabases(
      await communityPair(),
      `compressed_skipping_${suffix}`,
      `
      CREATE EXTENSION timescaledb VERSION '${version}';
      SET timescaledb.enable_chunk_skipping = on;
      CREATE TABLE reading (at timestamptz NOT NULL, number int);
      SELECT create_hypertable('reading', 'at', chunk_time_interval => interval '1 day');
      INSERT INTO reading SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 hour', i FROM generate_series(0, 71) i;
      ALTER TABLE reading SET (timescaledb.compress);
      SELECT enable_chunk_skipping('reading', 'number');
      SELECT compress_chunk(chunk) FROM show_chunks('reading') chunk;
      `,
    );
    await expectFaithfulMigration(databases);
    await expectHypertableWorks(databases.target, 'reading', {
      old: `('2026-01-02 12:00+00', 1)`,
      new: `('2020-01-02 12:00+00', 1)`,
    });
  });
});
