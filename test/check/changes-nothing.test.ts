import { describe, expect, test } from 'vitest';
import { rolesOf, stateOf } from '../bad-input/state.js';
import { type Databases, makeDatabases } from '../integration/databases.js';
import { communityPair, hasCommunity, startExtraServer } from '../integration/servers.js';
import { queryValue, runScript } from '../integration/sql.js';
import { findingsOf } from './findings.js';
import { checkPair } from './pair.js';

/** Reads what a check could change in both databases, and runs it. */
async function expectNothingChanged(databases: Databases): Promise<string[]> {
  const states = async () => ({
    source: await stateOf(databases.source, databases.programs),
    target: await stateOf(databases.target, databases.programs),
    locks: await queryValue(databases.source, `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'`),
  });
  const before = await states();
  const findings = await findingsOf(databases);
  const again = await findingsOf(databases);
  expect(await states()).toEqual(before);
  // What was measured differs each time.
  const steady = (list: typeof findings) => list.filter(({ id }) => id !== 'estimate');
  expect(steady(again)).toEqual(steady(findings));
  return findings.map(({ id }) => id);
}

test('a check changes neither the source, nor the target, nor the roles of either', async () => {
  const settings = { max_worker_processes: '16', 'timescaledb.max_background_workers': '0' };
  const [source, target] = await Promise.all([
    startExtraServer('check-roles-source', { settings }),
    startExtraServer('check-roles-target', { settings }),
  ]);
  const databases = await makeDatabases(
    { source, target },
    'check_unchanged',
    `CREATE EXTENSION timescaledb; CREATE ROLE check_unchanged_role LOGIN SUPERUSER;
     CREATE TABLE reading (at timestamptz NOT NULL, value float8); SELECT create_hypertable('reading', 'at');
     INSERT INTO reading VALUES ('2026-01-01', 1);
     CREATE UNLOGGED TABLE passing (n int); SELECT lo_from_bytea(4711, 'one');
     ALTER DATABASE check_unchanged SET work_mem = '5MB';`,
  );
  await runScript(
    databases.programs,
    databases.target,
    'CREATE TABLE there AS SELECT 1 AS n; CREATE ROLE check_there;',
  );
  const roles = () => Promise.all([source, target].map(({ url, binFolder }) => rolesOf(url, binFolder)));
  const before = await roles();
  const ids = await expectNothingChanged(databases);
  expect(await roles()).toEqual(before);
  expect(ids).toEqual(
    expect.arrayContaining(['target-not-empty', 'roles-missing', 'settings', 'large-objects']),
  );
  await runScript(databases.programs, databases.source, 'DROP ROLE check_unchanged_role');
  await runScript(databases.programs, databases.target, 'DROP ROLE check_there');
});

describe.skipIf(!hasCommunity)('a check of the community edition', () => {
  test('leaves background jobs, and when they run next, as they are', async () => {
    const databases = await makeDatabases(
      await communityPair(),
      'check_unchanged_jobs',
      `CREATE EXTENSION timescaledb;
       CREATE TABLE reading (at timestamptz NOT NULL, value float8); SELECT create_hypertable('reading', 'at');
       SELECT add_retention_policy('reading', interval '100 years', initial_start => '2100-01-01 00:00+00');`,
    );
    expect(await expectNothingChanged(databases)).toContain('jobs-held');
  });
});

test('a check reads as many chunks as a database has', async () => {
  // Of the days, a hundred a statement: each new chunk takes several locks until its transaction ends.
  const insert = (first: number) =>
    `INSERT INTO reading SELECT timestamptz '2010-01-01 00:00+00' + n * interval '1 day', n FROM generate_series(${first}, ${first + 99}) AS n;`;
  const databases = await makeDatabases(
    await checkPair(),
    'check_chunks',
    `CREATE EXTENSION timescaledb; CREATE TABLE reading (at timestamptz NOT NULL, n int);
     SELECT create_hypertable('reading', 'at', chunk_time_interval => interval '1 day');
     ${Array.from({ length: 20 }, (_, hundred) => insert(hundred * 100)).join('\n')}`,
  );
  const blockers = (await findingsOf(databases)).filter(({ severity }) => severity === 'blocker');
  expect(blockers).toEqual([]);
  expect(await queryValue(databases.source, `SELECT count(*) FROM show_chunks('reading')`)).toBe('2000');
});
