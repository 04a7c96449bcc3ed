import { describe, expect, test } from 'vitest';
import { makeDatabases } from './databases.js';
import { expectFaithfulMigration, migrateDatabase } from './ferry.js';
import { expectHypertableWorks } from './hypertables.js';
import { COMMUNITY_VERSIONS, communityPair, hasCommunity } from './servers.js';
import { query, queryValue, withFixedDisplay } from './sql.js';

describe.skipIf(!hasCommunity).each(COMMUNITY_VERSIONS)(
  'continuous aggregates in TimescaleDB %s',
  (version) => {
    const extension = `CREATE EXTENSION timescaledb VERSION '${version}';`;
    const suffix = version.replaceAll('.', '_');
    const readings = `
    SET DateStyle = 'ISO, YMD';
    CREATE TABLE reading (at timestamptz NOT NULL, device int, value float8);
    SELECT create_hypertable('reading', 'at', chunk_time_interval => interval '1 day');
    INSERT INTO reading SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '10 minutes', i % 3, i
    FROM generate_series(0, 999) i;`;

    test('hierarchical and real-time aggregates, some with their raw data dropped, are carried', async () => {
      const databases = await makeDatabases(
        await communityPair(),
        `aggregates_${suffix}`,
        `${extension}${readings}
      CREATE MATERIALIZED VIEW hourly WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
        SELECT time_bucket('1 hour', at) AS hour, device, avg(value) AS mean, count(*) FROM reading GROUP BY 1, 2 WITH NO DATA;
      CREATE MATERIALIZED VIEW daily WITH (timescaledb.continuous, timescaledb.materialized_only = true) AS
        SELECT time_bucket('1 day', hour, 'Europe/Berlin') AS day, device, sum(count) AS count FROM hourly GROUP BY 1, 2
        WITH NO DATA;
      CREATE MATERIALIZED VIEW never_refreshed WITH (timescaledb.continuous) AS
        SELECT time_bucket('1 day', at) AS day, max(value) FROM reading GROUP BY 1 WITH NO DATA;
      CALL refresh_continuous_aggregate('hourly', NULL, '2026-01-06 00:00+00');
      CALL refresh_continuous_aggregate('daily', NULL, '2026-01-05 00:00+00');
      SELECT drop_chunks('reading', older_than => '2026-01-03 00:00+00'::timestamptz);
      INSERT INTO reading VALUES ('2026-01-04 00:00+00', 7, 1), ('2026-02-01 00:00+00', 8, 1);
      CREATE INDEX by_count ON hourly (count);
      COMMENT ON VIEW daily IS 'days; in Berlin';
      `,
      );
      await expectFaithfulMigration(databases);
      for (const view of ['hourly', 'daily', 'never_refreshed']) await expectEqualView(databases, view);
      await query(
        databases.target,
        `CALL refresh_continuous_aggregate('hourly', '2026-01-03 00:00+00', NULL)`,
      );
      expect(await queryValue(databases.target, `SELECT count(*) FROM hourly WHERE device = 7`)).toBe('1');
      expect(
        await queryValue(
          databases.target,
          `SELECT count(*) FROM hourly WHERE hour < '2026-01-03 00:00+00'::timestamptz`,
        ),
        'hours whose raw data were dropped',
      ).toBe('144');
      await expectHypertableWorks(databases.target, 'reading', {
        old: `('2026-01-05 00:00+00', 1, 2)`,
        new: `('2020-01-01 00:00+00', 1, 2)`,
      });
    });

    test('a condition that TimescaleDB has joined to those of the query is the same when the parser has read it', async () => {
      const databases = await makeDatabases(
        await communityPair(),
        `aggregates_conditions_${suffix}`,
        `${extension}${readings}
      CREATE MATERIALIZED VIEW filtered WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
        SELECT time_bucket('1 day', at) AS day, sum(value) FROM reading
        WHERE device > 0 AND value BETWEEN 5 AND 900 AND (value <> 7 OR device <> 2) GROUP BY 1 WITH NO DATA;
      CALL refresh_continuous_aggregate('filtered', NULL, '2026-01-04 00:00+00');`,
      );
      expect((await migrateDatabase(databases)).verification).toMatchObject({ equal: true });
      await expectEqualView(databases, 'filtered');
    });

    test('aggregates that were renamed, moved, compressed, granted and joined with a table are carried', async () => {
      const databases = await makeDatabases(
        await communityPair(),
        `aggregates_altered_${suffix}`,
        `${extension}${readings}
      CREATE ROLE aggregates_reader_${suffix};
      CREATE ROLE aggregates_owner_${suffix};
      CREATE SCHEMA "re;ports";
      CREATE TABLE device (id int PRIMARY KEY, name text);
      INSERT INTO device SELECT i, 'device ' || i FROM generate_series(0, 9) i;
      CREATE MATERIALIZED VIEW hourly WITH (timescaledb.continuous) AS
        SELECT time_bucket('1 hour', at) AS hour, name, avg(value), first(value, at)
        FROM reading JOIN device ON device = id GROUP BY 1, 2 WITH NO DATA;
      CALL refresh_continuous_aggregate('hourly', NULL, '2026-01-06 00:00+00');
      ALTER MATERIALIZED VIEW hourly SET (timescaledb.compress = true);
      SELECT compress_chunk(chunk) FROM show_chunks('hourly') chunk;
      ALTER MATERIALIZED VIEW hourly RENAME TO "hou;rly";
      ALTER MATERIALIZED VIEW "hou;rly" RENAME COLUMN avg TO "me;an";
      ALTER MATERIALIZED VIEW "hou;rly" SET SCHEMA "re;ports";
      GRANT SELECT ON "re;ports"."hou;rly" TO aggregates_reader_${suffix};
      GRANT SELECT ON reading, device TO aggregates_owner_${suffix};
      GRANT ALL ON SCHEMA "re;ports" TO aggregates_owner_${suffix};
      ALTER MATERIALIZED VIEW "re;ports"."hou;rly" OWNER TO aggregates_owner_${suffix};
      CREATE VIEW of_aggregate AS SELECT * FROM "re;ports"."hou;rly" WHERE name = 'device 1';
      `,
      );
      await expectFaithfulMigration(databases);
      await expectEqualView(databases, '"re;ports"."hou;rly"');
      await expectEqualView(databases, 'of_aggregate');
      await query(databases.target, `CALL refresh_continuous_aggregate('"re;ports"."hou;rly"', NULL, NULL)`);
    });

    test('invalidations that wait for a refresh are carried, and a refresh on the target makes use of them', async () => {
      const databases = await makeDatabases(
        await communityPair(),
        `aggregates_invalid_${suffix}`,
        `${extension}${readings}
      CREATE MATERIALIZED VIEW daily WITH (timescaledb.continuous, timescaledb.materialized_only = true) AS
        SELECT time_bucket('1 day', at) AS day, sum(value) FROM reading GROUP BY 1 WITH NO DATA;
      CALL refresh_continuous_aggregate('daily', NULL, NULL);
      UPDATE reading SET value = 100000 WHERE at = '2026-01-03 00:00+00';
      `,
      );
      const day = `SELECT sum FROM daily WHERE day = '2026-01-03 00:00+00'::timestamptz`;
      const before = await queryValue(databases.source, day);
      await expectFaithfulMigration(databases);
      expect(await queryValue(databases.target, day)).toBe(before);
      await query(databases.target, `CALL refresh_continuous_aggregate('daily', NULL, NULL)`);
      expect(Number(await queryValue(databases.target, day))).toBe(Number(before) + 100000 - 288);
    });
  },
);

async function expectEqualView(
  { source, target }: { source: string; target: string },
  view: string,
): Promise<void> {
  const content = `SELECT count(*) || ' rows ' || md5(string_agg(v::text, ',' ORDER BY v::text)) FROM ${view} AS v`;
  const read = (url: string) => queryValue(withFixedDisplay(url), content);
  expect(await read(target), view).toBe(await read(source));
}
