import { describe, expect, test } from 'vitest';
import { check, HyperferryError, type MigrateOptions, migrate } from '../../src/index.js';
import { parseConnection } from '../../src/postgres/connection-string.js';
import { updateTimescale } from '../../src/timescale/update.js';
import { expectEqualDatabases } from '../integration/compare/databases.js';
import { type Databases, makeDatabases } from '../integration/databases.js';
import { hasCommunity } from '../integration/servers.js';
import { query, queryValue, runScript } from '../integration/sql.js';
import { makeManagedTarget } from './managed-target.js';
import { communityManagedPair } from './pairs.js';

const OLD = '2.19.3';
const NEW = '2.29.2';

const versionOf = (url: string) =>
  queryValue(url, `SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'`);

describe.skipIf(!hasCommunity)('versions of TimescaleDB, community edition', () => {
  test.each([
    { from: OLD, to: NEW, way: 'newer' },
    { from: NEW, to: OLD, way: 'older' },
  ])('an empty target with a $way version gets the source’s', async ({ from, to, way }) => {
    const databases = await makeReadings(`version_${way}`, from);
    await query(databases.target, `CREATE EXTENSION timescaledb VERSION '${to}'`);
    const outcome = await migrate({ ...databases, jobs: 2 });
    expect(outcome.timescaleVersion).toBe(from);
    expect(outcome.verification).toMatchObject({ equal: true });
    expect([await versionOf(databases.source), await versionOf(databases.target)]).toEqual([from, from]);
    await expectEqualDatabases(databases.source, databases.target, databases.programs);
    await expectCompressionWorks(databases.target);
  });

  test('--update-source updates the source where only that leads to a common version', async () => {
    const databases = await makeReadings('version_update_source', OLD);
    await hideVersion(databases, OLD);
    const error = await refusalOf({ ...databases, jobs: 2 });
    expect(error.message).toContain(OLD);
    expect(error.hint).toContain('--update-source');
    expect(await versionOf(databases.source)).toBe(OLD);
    expect(await versionOf(databases.target)).toBeNull();

    const outcome = await migrate({ ...databases, jobs: 2, updateSource: true });
    expect(outcome.timescaleVersion).toBe(NEW);
    expect([await versionOf(databases.source), await versionOf(databases.target)]).toEqual([NEW, NEW]);
    expect(outcome.verification).toMatchObject({ equal: true });
    await expectCompressionWorks(databases.target);
  });

  test('--update-source brings the source to the version of a managed target', async () => {
    const { target } = await communityManagedPair();
    const managed = await makeManagedTarget(target, { version: NEW });
    const databases = { ...(await makeReadings('version_to_managed', OLD)), target: managed.url };
    const outcome = await migrate({ ...databases, jobs: 2, updateSource: true });
    expect(outcome.verification).toMatchObject({ equal: true });
    expect([await versionOf(databases.source), await versionOf(databases.target)]).toEqual([NEW, NEW]);
    await expectCompressionWorks(databases.target);
  });

  test('--update-source leaves a source alone whose version the target has', async () => {
    const databases = await makeReadings('version_no_update', OLD);
    await migrate({ ...databases, jobs: 2, updateSource: true });
    expect([await versionOf(databases.source), await versionOf(databases.target)]).toEqual([OLD, OLD]);
  });

  test.each([
    { updateTargetAfter: true as const, name: 'newest' },
    { updateTargetAfter: NEW, name: 'named' },
  ])('--update-target-after updates the target alone, to the $name version', async (options) => {
    const databases = await makeReadings(`version_after_${options.name}`, OLD);
    const { updateTargetAfter } = options;
    const outcome = await migrate({ ...databases, jobs: 2, updateTargetAfter });
    expect(outcome.verification).toMatchObject({ equal: true });
    expect([await versionOf(databases.source), await versionOf(databases.target)]).toEqual([OLD, NEW]);
    expect(await queryValue(databases.target, 'SELECT sum(value) FROM reading')).toBe('4950');
    expect(await queryValue(databases.target, 'SELECT sum(sum) FROM daily')).toBe('4950');
    expect(await queryValue(databases.target, 'SHOW timescaledb.restoring')).toBe('off');
    await expectCompressionWorks(databases.target);
  });

  test('an update is not ended by timeouts that the database has', async () => {
    const { target: url } = await makeReadings('version_timeouts', OLD);
    await query(url, `CREATE EXTENSION timescaledb VERSION '${OLD}'`);
    const { target: server } = await communityManagedPair();
    for (const timeout of ['statement_timeout', 'transaction_timeout', 'lock_timeout'])
      await query(server.url, `ALTER DATABASE version_timeouts SET ${timeout} = '1ms'`);
    await updateTimescale('target', { connection: parseConnection(url), serverVersion: 170_000 }, NEW);
    await query(server.url, 'ALTER DATABASE version_timeouts RESET ALL');
    expect(await versionOf(url)).toBe(NEW);
  });

  test('--update-target-after a version that the target has not is refused before anything is changed', async () => {
    const databases = await makeReadings('version_after_none', OLD);
    const error = await refusalOf({ ...databases, jobs: 2, updateTargetAfter: '2.99.0' });
    expect(error.message).toContain('2.99.0');
    expect(await versionOf(databases.target)).toBeNull();
    expect(await queryValue(databases.target, `SELECT to_regclass('reading')`)).toBeNull();
  });

  test('a managed target with another version than the source’s is refused, and nothing is changed', async () => {
    const { target } = await communityManagedPair();
    const managed = await makeManagedTarget(target, { version: NEW });
    const databases = { ...(await makeReadings('version_managed', OLD)), target: managed.url };
    const blockers = (await check({ ...databases, jobs: 2 })).filter(
      ({ severity }) => severity === 'blocker',
    );
    expect(blockers.map(({ id }) => id)).toEqual([expect.stringMatching(/^timescale-/)]);
    const error = await refusalOf({ ...databases, jobs: 2 });
    expect(error.message).toMatch(/2\.19\.3|timescaledb/i);
    expect(error.hint ?? '').not.toBe('');
    expect(await versionOf(databases.target)).toBe(NEW);
    expect(await queryValue(databases.target, `SELECT to_regclass('reading')`)).toBeNull();
    expect(await queryValue(databases.target, `SELECT to_regnamespace('_hyperferry')`)).toBeNull();
  });
});

/** A compressed hypertable with a continuous aggregate. */
async function makeReadings(name: string, version: string): Promise<Databases> {
  return makeDatabases(
    await communityManagedPair(),
    name,
    `CREATE EXTENSION timescaledb VERSION '${version}';
     CREATE TABLE reading (at timestamptz NOT NULL, device int, value float8);
     SELECT create_hypertable('reading', 'at', chunk_time_interval => interval '1 day');
     INSERT INTO reading SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 hour', i % 3, i FROM generate_series(0, 99) i;
     ALTER TABLE reading SET (timescaledb.compress, timescaledb.compress_segmentby = 'device');
     SELECT compress_chunk(c) FROM show_chunks('reading', older_than => '2026-01-03'::timestamptz) AS c;
     CREATE MATERIALIZED VIEW daily WITH (timescaledb.continuous) AS
       SELECT time_bucket('1 day', at) AS day, sum(value) FROM reading GROUP BY 1;`,
  );
}

async function expectCompressionWorks(url: string): Promise<void> {
  await query(
    url,
    `SELECT decompress_chunk(c) FROM show_chunks('reading', older_than => '2026-01-02'::timestamptz) AS c`,
  );
  await query(
    url,
    `SELECT compress_chunk(c) FROM show_chunks('reading') AS c WHERE c::text LIKE '%_5_chunk'`,
  );
  expect(await queryValue(url, 'SELECT sum(value) FROM reading')).toBe('4950');
}

/** Lets a target say that its server has no files of a version: what it has is read from that view. */
async function hideVersion({ target, programs }: Databases, version: string): Promise<void> {
  const definition = await queryValue(
    target,
    `SELECT rtrim(pg_get_viewdef('pg_catalog.pg_available_extension_versions'::regclass), ';')`,
  );
  await runScript(
    programs,
    target,
    `SET allow_system_table_mods = on;
     CREATE OR REPLACE VIEW pg_catalog.pg_available_extension_versions AS
       SELECT * FROM (${definition}) AS v WHERE NOT (v.name = 'timescaledb' AND v.version = '${version}');`,
  );
}

async function refusalOf(options: MigrateOptions): Promise<HyperferryError> {
  const end = await migrate(options).then(
    () => 'the migration was done',
    (error: unknown) => error,
  );
  expect(end).toBeInstanceOf(HyperferryError);
  return end as HyperferryError;
}
