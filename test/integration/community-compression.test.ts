import { describe, expect, test } from 'vitest';
import { makeDatabases } from './databases.js';
import { expectFaithfulMigration } from './ferry.js';
import { expectHypertableWorks } from './hypertables.js';
import { COMMUNITY_VERSIONS, communityPair, hasCommunity } from './servers.js';
import { query, queryValue } from './sql.js';

describe.skipIf(!hasCommunity).each(COMMUNITY_VERSIONS)(
  'compression in TimescaleDB %s, community edition',
  (version) => {
    const extension = `CREATE EXTENSION timescaledb VERSION '${version}';`;
    const suffix = version.replaceAll('.', '_');

    test('compressed, partly compressed and uncompressed chunks are carried as they are', async () => {
      const databases = await makeDatabases(
        await communityPair(),
        `compression_chunks_${suffix}`,
        `${extension}
      SET DateStyle = 'ISO, YMD';
      CREATE TYPE state AS ENUM ('on', 'off');
      CREATE TABLE reading (
        at timestamptz NOT NULL, device int NOT NULL, "od;d ""name" text, value float8, state state,
        exact numeric, document jsonb, bytes bytea, small int2, flag boolean, gone int, UNIQUE (device, at)
      );
      SELECT create_hypertable('reading', 'at', chunk_time_interval => interval '1 day');
      INSERT INTO reading
      SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '10 minutes', i % 4, nullif('text ' || i % 5, 'text 0'),
             CASE i % 7 WHEN 0 THEN 'NaN' WHEN 1 THEN '-0' ELSE i / 3.0 END, (ARRAY['on', 'off'])[1 + i % 2]::state,
             i / 7.0, jsonb_build_object('i', i), decode(lpad(to_hex(i), 8, '0'), 'hex'),
             i, i % 3 = 0, i
      FROM generate_series(0, 999) i;
      ALTER TABLE reading SET (timescaledb.compress, timescaledb.compress_segmentby = 'device, "od;d ""name"',
                               timescaledb.compress_orderby = 'at DESC, value NULLS FIRST');
      SELECT compress_chunk(chunk) FROM show_chunks('reading', older_than => '2026-01-06'::timestamptz) chunk;
      INSERT INTO reading VALUES ('2026-01-02 00:00:01+00', 1, 'late', 1), ('2026-01-02 00:00:02+00', 9, NULL, NULL);
      UPDATE reading SET value = 4711 WHERE device = 2 AND at < '2026-01-04 12:00+00';
      DELETE FROM reading WHERE device = 3 AND at < '2026-01-02 00:00+00';
      ALTER TABLE reading DROP COLUMN gone;
      ALTER TABLE reading ADD COLUMN added int;
      `,
      );
      await expectFaithfulMigration(databases);
      expect(
        await queryValue(
          databases.target,
          `SELECT count(*) FROM timescaledb_information.chunks WHERE is_compressed`,
        ),
      ).toBe('5');
      await expectHypertableWorks(databases.target, 'reading', {
        columns: 'at, device, value',
        old: `('2026-01-02 12:00:05+00', 1, 1)`,
        new: `('2020-01-02 12:00+00', 1, 1)`,
      });
      await query(databases.target, `SELECT decompress_chunk(chunk, true) FROM show_chunks('reading') chunk`);
      expect(await queryValue(databases.target, 'SELECT count(*) FROM reading')).toBe(
        `${Number(await queryValue(databases.source, 'SELECT count(*) FROM reading')) + 2}`,
      );
    });

    test('a compressed column that is NULL throughout, and one that was added later, are NULL', async () => {
      const databases = await makeDatabases(
        await communityPair(),
        `compression_null_${suffix}`,
        `${extension}
      CREATE TABLE reading (at timestamptz NOT NULL, device int, empty float8, empty_text text, sometimes int);
      SELECT create_hypertable('reading', 'at', chunk_time_interval => interval '1 day');
      INSERT INTO reading SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 hour', i % 2, NULL, NULL, nullif(i / 24, 1)
      FROM generate_series(0, 71) i;
      ALTER TABLE reading SET (timescaledb.compress, timescaledb.compress_segmentby = 'device');
      SELECT compress_chunk(chunk) FROM show_chunks('reading') chunk;
      ALTER TABLE reading ADD COLUMN added text;
      `,
      );
      await expectFaithfulMigration(databases);
      expect(
        await query(
          databases.target,
          `SELECT count(*)::int, count(empty)::int AS empty, count(empty_text)::int AS empty_text,
                count(sometimes)::int AS sometimes, count(added)::int AS added FROM reading`,
        ),
      ).toEqual([{ count: 72, empty: 0, empty_text: 0, sometimes: 48, added: 0 }]);
      await expectHypertableWorks(databases.target, 'reading', {
        old: `('2026-01-02 12:00:05+00', 1, 1, '', 1, 'x')`,
        new: `('2020-01-02 12:00+00', 1, 1, '', 1, 'x')`,
      });
    });

    test('frozen chunks are carried and stay frozen', async () => {
      const databases = await makeDatabases(
        await communityPair(),
        `compression_frozen_${suffix}`,
        `${extension}
      CREATE TABLE reading (at timestamptz NOT NULL, value int);
      SELECT create_hypertable('reading', 'at', chunk_time_interval => interval '1 day');
      INSERT INTO reading SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 hour', i FROM generate_series(0, 95) i;
      ALTER TABLE reading SET (timescaledb.compress);
      SELECT compress_chunk(min(chunk)) FROM show_chunks('reading', older_than => '2026-01-02 12:00+00'::timestamptz) chunk;
      SELECT _timescaledb_functions.freeze_chunk(chunk)
      FROM show_chunks('reading', older_than => '2026-01-03 12:00+00'::timestamptz) chunk;
      `,
      );
      await expectFaithfulMigration(databases);
      for (const day of ['01', '02']) {
        const insert = `INSERT INTO reading VALUES ('2026-01-${day} 12:00+00', 1)`;
        await expect(query(databases.target, `SET DateStyle = ISO; ${insert}`), day).rejects.toThrow(
          /frozen/,
        );
      }
      await expectHypertableWorks(databases.target, 'reading', {
        old: `('2026-01-04 12:00:05+00', 1)`,
        new: `('2020-01-02 12:00+00', 1)`,
      });
    });

    test('compressed hypertables with space partitions, foreign keys and whole-number time are carried', async () => {
      const databases = await makeDatabases(
        await communityPair(),
        `compression_more_${suffix}`,
        `${extension}
      CREATE TABLE device (id int PRIMARY KEY);
      INSERT INTO device SELECT generate_series(0, 9);
      CREATE SCHEMA "chunk; store";
      CREATE TABLE spread (at timestamptz NOT NULL, device int NOT NULL REFERENCES device, number int);
      SELECT create_hypertable('spread', 'at', 'device', 2, associated_schema_name => 'chunk; store',
                               associated_table_prefix => 'pie"ce');
      INSERT INTO spread SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 hour', i % 10, i FROM generate_series(0, 500) i;
      ALTER TABLE spread SET (timescaledb.compress, timescaledb.compress_segmentby = 'device');
      SELECT compress_chunk(chunk) FROM show_chunks('spread', older_than => '2026-01-16'::timestamptz) chunk;
      CREATE TABLE counted (number bigint NOT NULL, value int);
      SELECT create_hypertable('counted', 'number', chunk_time_interval => 100);
      INSERT INTO counted SELECT i, -i FROM generate_series(-250, 250) i;
      ALTER TABLE counted SET (timescaledb.compress, timescaledb.compress_orderby = 'number');
      SELECT compress_chunk(chunk) FROM show_chunks('counted') chunk;
      `,
      );
      await expectFaithfulMigration(databases);
      await expectHypertableWorks(databases.target, 'spread', {
        old: `('2026-01-02 12:00+00', 1, 1)`,
        new: `('2020-01-02 12:00+00', 1, 1)`,
      });
      await expectHypertableWorks(databases.target, 'counted', { old: '(5, 5)', new: '(5000, 5)' });
    });
  },
);
