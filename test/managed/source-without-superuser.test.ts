import { describe, expect, test } from 'vitest';
import { check, migrate } from '../../src/index.js';
import { expectEqualDatabases } from '../integration/compare/databases.js';
import { makeDatabases } from '../integration/databases.js';
import { COMMUNITY_VERSIONS, hasCommunity, startExtraServer } from '../integration/servers.js';
import { query, queryValue, runScript } from '../integration/sql.js';
import { expectExplained, forgetSource } from './facts.js';
import { makeManagedTarget } from './managed-target.js';
import { apacheManagedPair, communityManagedPair } from './pairs.js';

const asRole = (url: string, username: string) => Object.assign(new URL(url), { username }).href;

test('a member of pg_read_all_data can move a database, and knows of no passwords', async () => {
  const pair = await apacheManagedPair();
  const databases = await makeDatabases(
    pair,
    'plain_reader',
    `CREATE EXTENSION timescaledb;
     CREATE ROLE plain_reader_mover LOGIN PASSWORD 'p' IN ROLE pg_read_all_data;
     CREATE ROLE plain_reader_owner;
     CREATE TABLE reading (at timestamptz NOT NULL, value float8); ALTER TABLE reading OWNER TO plain_reader_owner;
     SELECT create_hypertable('reading', 'at');
     INSERT INTO reading SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 day', i FROM generate_series(1, 30) AS i;
     CREATE SEQUENCE counter; SELECT setval('counter', 41);`,
  );
  const asReader = { ...databases, source: asRole(databases.source, 'plain_reader_mover'), jobs: 2 };
  const findings = await check(asReader);
  expect(findings.filter(({ severity }) => severity === 'blocker')).toEqual([]);
  const { leftOut } = await migrate(asReader);
  // Whether it has one, the reader cannot see.
  const objects = leftOut.map(({ object }) => object).filter((object) => object.includes('plain_reader'));
  expect(objects).toEqual(['password of role plain_reader_mover']);
  await expectEqualDatabases(databases.source, databases.target, databases.programs);
  await forgetSource(pair.source.url, 'plain_reader', 'plain_reader');
});

const CUSTOMERS = COMMUNITY_VERSIONS.flatMap((version) => [
  { version, role: {}, names: 'of different names' },
  { version, role: { role: 'tsdbadmin' }, names: 'of one name' },
]);

describe.skipIf(!hasCommunity).each(CUSTOMERS)(
  'from one managed database to another with TimescaleDB $version, their roles $names',
  ({ version, role }) => {
    test('everything of the customer’s is carried', async () => {
      const pair = { source: await serviceServer(), target: (await communityManagedPair()).target };
      const from = await makeManagedTarget(pair.source, { version, ...role });
      const to = await makeManagedTarget(pair.target, { version, ...role });
      const app = `${from.database}_app`;
      await runScript(
        pair.source.binFolder,
        from.url,
        `CREATE ROLE ${app} LOGIN;
         CREATE TABLE reading (at timestamptz NOT NULL, device int, value float8);
         SELECT create_hypertable('reading', 'at', chunk_time_interval => interval '1 day');
         INSERT INTO reading SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 hour', i % 3, i FROM generate_series(0, 99) i;
         ALTER TABLE reading SET (timescaledb.compress, timescaledb.compress_segmentby = 'device');
         SELECT compress_chunk(c) FROM show_chunks('reading', older_than => '2026-01-03'::timestamptz) AS c;
         CREATE MATERIALIZED VIEW daily WITH (timescaledb.continuous) AS
           SELECT time_bucket('1 day', at) AS day, sum(value) FROM reading GROUP BY 1;
         SELECT add_retention_policy('reading', interval '100 years', initial_start => '2100-01-01 00:00+00');
         GRANT SELECT ON reading TO ${app};`,
      );
      const databases = { source: from.url, target: to.url, programs: pair.target.binFolder, jobs: 2 };
      const findings = await check(databases);
      expect(findings.filter(({ severity }) => severity === 'blocker')).toEqual([]);
      const { leftOut, verification } = await migrate(databases);
      expect(verification).toMatchObject({ equal: true });
      expectExplained(leftOut);
      expect(await queryValue(to.url, 'SELECT sum(value) FROM reading')).toBe('4950');
      expect(await queryValue(to.url, 'SELECT sum(sum) FROM daily')).toBe('4950');
      const jobs = 'SELECT job_id, proc_name FROM timescaledb_information.jobs WHERE job_id >= 1000';
      expect(await query(to.url, jobs)).toEqual(await query(from.url, jobs));
      expect(await queryValue(to.url, `SELECT has_table_privilege('${app}', 'reading', 'SELECT')`)).toBe('t');
    });
  },
);

/** The roles of its customers are no matter of the other tests' sources. */
function serviceServer() {
  return startExtraServer('managed-service', {
    edition: 'community',
    settings: { 'timescaledb.max_background_workers': '0', max_worker_processes: '16' },
  });
}
