import { describe, expect, test } from 'vitest';
import { restore } from '../../src/archive/restore.js';
import { verify } from '../../src/index.js';
import { makeDatabaseBeside, makeDatabases } from './databases.js';
import { expectFaithfulMigration, migrateDatabase, withDump } from './ferry.js';
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
    await query(
      databases.target,
      `UPDATE pg_attribute SET atthasmissing = false, attmissingval = NULL
       WHERE attname = 'added' AND attrelid = (SELECT c FROM show_chunks('reading') AS c LIMIT 1)`,
    );
    const { source, target } = databases;
    const { objects } = await verify({ source, target });
    expect(objects.different).toMatchObject([
      {
        kind: 'missing value',
        object: expect.stringMatching(/^added of .*_chunk$/),
        state: 'missing on target',
      },
    ]);
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

  // The older version makes no such filters.
  test('the filters of compressed rows hide none of the enums, whose hashes differ on each server', async () => {
    const databases = await makeDatabases(
      await communityPair(),
      `compressed_filters_${suffix}`,
      `
      CREATE EXTENSION timescaledb VERSION '${version}';
      CREATE TYPE before AS ENUM ('q');
      CREATE TYPE state AS ENUM ('on', 'off', 'idle');
      CREATE TABLE reading (at timestamptz NOT NULL, device int, state state, states state[], note text);
      SELECT create_hypertable('reading', 'at', chunk_time_interval => interval '1 day');
      CREATE INDEX ON reading (state);
      CREATE INDEX ON reading (states);
      CREATE INDEX ON reading (note);
      INSERT INTO reading
      SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 hour', i % 3, s[1 + i % 3], s[1:1 + i % 3], 'note ' || i
      FROM generate_series(0, 71) AS i, (SELECT enum_range(NULL::state) AS s) AS all_states;
      ALTER TABLE reading SET (timescaledb.compress, timescaledb.compress_segmentby = 'device', timescaledb.compress_orderby = 'at');
      SELECT compress_chunk(chunk) FROM show_chunks('reading') chunk;
      `,
    );
    const other = makeDatabaseBeside(databases.target);
    const { leftOut } = await migrateDatabase(databases);
    const { leftOut: leftOutOfRestore } = await withDump({ ...databases }, async (from) =>
      restore({ from, target: await other, jobs: 2 }),
    );
    const filters = await query<{ name: string }>(
      databases.source,
      `SELECT DISTINCT attname::text AS name FROM pg_attribute WHERE atttypid = to_regtype('_timescaledb_internal.bloom1') ORDER BY 1`,
    );
    for (const left of [leftOut, leftOutOfRestore]) {
      const names = left.map(({ object }) => object).filter((object) => object.startsWith('filters'));
      expect(names).toEqual(
        filters.length === 0
          ? []
          : [
              expect.stringMatching(
                /^filters \S+_state, \S+_states of the compressed chunks of "public"\."reading"$/,
              ),
            ],
      );
    }
    if (version === '2.29.2') expect(filters).toHaveLength(3);
    const found = `SELECT count(*) FILTER (WHERE state = 'on')::int AS "on",
      (SELECT count(*)::int FROM reading WHERE state = 'idle') AS idle,
      (SELECT count(*)::int FROM reading WHERE states = ARRAY['on', 'off']::state[]) AS two,
      (SELECT count(*)::int FROM reading WHERE note = 'note 7') AS note FROM reading WHERE state = 'on'`;
    for (const target of [databases.target, await other]) {
      expect(await query(target, found)).toEqual([{ on: 24, idle: 24, two: 24, note: 1 }]);
    }
    const again = leftOut.find(({ object }) => object.startsWith('filters'))?.sql;
    if (again) await query(databases.target, again);
    expect(await query(databases.target, found)).toEqual([{ on: 24, idle: 24, two: 24, note: 1 }]);
    if (again) {
      const [{ name = '' } = {}] = filters;
      const chunk = await queryValue(
        databases.target,
        `SELECT attrelid::regclass::text FROM pg_attribute WHERE attname = '${name}' LIMIT 1`,
      );
      expect(await queryValue(databases.target, `SELECT count(*) FROM ${chunk} WHERE ${name} IS NULL`)).toBe(
        '0',
      );
    }
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
