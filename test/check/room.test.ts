import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import { type Databases, makeDatabases } from '../integration/databases.js';
import { startExtraServer } from '../integration/servers.js';
import { query, queryValue, runScript } from '../integration/sql.js';
import { expectFinding, expectFires, expectSilence, expectSilent, findingsOf } from './findings.js';
import { altered, checkPair } from './pair.js';

test('there is room enough for a small database', async () => {
  const databases = await makeDatabases(await checkPair(), 'check_room', 'CREATE TABLE entry (n int)');
  const findings = await findingsOf(databases);
  for (const id of ['locks', 'connections', 'disk', 'disk-unknown', 'max-wal-size', 'maintenance-work-mem'])
    expectSilence(findings, id);
});

test('connections counts what is free on both sides against the jobs', async () => {
  const databases = await makeDatabases(await checkPair(), 'check_connections', '');
  const findings = (await findingsOf(databases, { jobs: 500 })).filter(({ id }) => id === 'connections');
  expect(findings.map(({ severity, code }) => [severity, code])).toEqual([
    ['blocker', 'ROOM'],
    ['blocker', 'ROOM'],
  ]);
  for (const [index, side] of ['source', 'target'].entries()) {
    const { found = '', mend } = findings[index] ?? {};
    const [, free] =
      /free connections on the (?:source|target) for --jobs 500, but (\d+) of 100 are free/.exec(found) ?? [];
    expect(found).toContain(side);
    expect(Number(free)).toBeGreaterThan(50);
    expect(Number(free)).toBeLessThan(100);
    expect(mend).toContain(`max_connections on the ${side}`);
  }
  await expectSilent(databases, 'connections', { jobs: 20 });
});

test('connections counts what the database and the role may have, where the role is no superuser', async () => {
  const databases = await makeDatabases(
    await checkPair(),
    'check_limits',
    `CREATE ROLE "check limits" LOGIN; ALTER DATABASE check_limits OWNER TO "check limits";`,
  );
  const source = altered(databases.source, { username: 'check%20limits' });
  const asked = { ...databases, source };
  await expectSilent(asked, 'connections', { jobs: 20 });
  for (const [limited, name] of [
    ['ROLE', '"check limits"'],
    ['DATABASE', 'check_limits'],
  ]) {
    await query(databases.source, `ALTER ${limited} ${name} CONNECTION LIMIT 12`);
    const { mend } = await expectFires(
      asked,
      {
        id: 'connections',
        severity: 'blocker',
        says: new RegExp(`but \\d+ of 12 that the ${limited?.toLowerCase()} ${name} has are free`),
      },
      { jobs: 20 },
    );
    await expectSilent({ ...databases }, 'connections', { jobs: 20 });
    await expectSilent(asked, 'connections', { jobs: 5 });
    const [statement = ''] = /ALTER .*;/.exec(mend) ?? [];
    await query(databases.source, statement);
    await expectSilent(asked, 'connections', { jobs: 20 });
  }
});

test('locks, max-wal-size and maintenance-work-mem name a setting, and setting it helps', async () => {
  const small = await startExtraServer('check-small', {
    settings: {
      max_locks_per_transaction: '10',
      max_connections: '12',
      superuser_reserved_connections: '2',
      max_worker_processes: '8',
      max_wal_senders: '0',
      max_wal_size: '32MB',
      maintenance_work_mem: '1MB',
      shared_buffers: '2MB',
      'timescaledb.max_background_workers': '0',
    },
  });
  const { source } = await checkPair();
  const few = `CREATE TABLE reading AS SELECT n, repeat('x', 950) AS what FROM generate_series(1, 40000) AS n;`;
  const toSmall = await makeDatabases({ source, target: small }, 'check_small_target', few);
  const options = { jobs: 1 };
  await expectSilent(toSmall, 'locks', options);
  for (const [id, setting] of [
    ['max-wal-size', 'max_wal_size'],
    ['maintenance-work-mem', 'maintenance_work_mem'],
  ] as const) {
    const { mend } = await expectFires(toSmall, { id, severity: 'note', says: setting }, options);
    const commands = mend.match(/ALTER SYSTEM [^;]+;|SELECT pg_reload_conf\(\);/g) ?? [];
    expect(commands).toHaveLength(2);
    // What the sandbox writes at the end of postgresql.conf gives way to ALTER SYSTEM.
    for (const command of commands) await query(toSmall.target, command);
    await expect.poll(() => queryValue(toSmall.target, `SHOW ${setting}`)).not.toMatch(/^(32|1)MB$/);
    await expectSilent(toSmall, id, options);
  }

  const tables = `SELECT format('CREATE TABLE many_%s ()', n) FROM generate_series(1, 300) AS n \\gexec`;
  const fromSmall = await makeDatabases({ source: small, target: source }, 'check_locks', tables);
  const { mend, code } = await expectFires(
    fromSmall,
    {
      id: 'locks',
      severity: 'blocker',
      says: /room for 300 locks.*max_locks_per_transaction = 10 gives 120/,
    },
    options,
  );
  expect(code).toBe('ROOM');
  await query(fromSmall.source, /ALTER SYSTEM [^;]+/.exec(mend)?.[0] ?? '');
  await small.restart();
  await expectSilent(fromSmall, 'locks', options);
});

test('disk compares the size of the source with what is free where the target is', async () => {
  const { source, target } = await checkPair();
  const databases = await makeDatabases({ source, target }, 'check_disk', '');
  await expectSilent(databases, 'disk');
  const { bavail, bsize } = await statfs(target.dataFolder);
  const free = bavail * bsize;

  await enlarge(databases, source.dataFolder, free * 2);
  const { code } = await expectFires(databases, { id: 'disk', severity: 'blocker', says: / MB are free$/ });
  expect(code).toBe('ROOM');
  await enlarge(databases, source.dataFolder, free / 1.1);
  await expectFires(databases, { id: 'disk', severity: 'warning' });
  await enlarge(databases, source.dataFolder, free / 2);
  await expectSilent(databases, 'disk');
});

test('disk-unknown says how much is needed where the target’s free space cannot be seen', async () => {
  const databases = await makeDatabases(
    await checkPair(),
    'check_disk_unknown',
    'CREATE TABLE entry (n int)',
  );
  const far = { ...databases, target: altered(databases.target, { hostname: '0.0.0.0' }) };
  const size = Number(
    await queryValue(databases.source, 'SELECT ceil(pg_database_size(current_database()) / 1048576.0)'),
  );
  const findings = await findingsOf(far);
  const { mend } = expectFinding(findings, { id: 'disk-unknown', severity: 'note', says: `${size} MB` });
  expect(Number(/has (\d+) MB free/.exec(mend)?.[1])).toBeGreaterThan(size);
  expectSilence(findings, 'disk');

  // Only a member of pg_read_all_settings is told where the data lies.
  await runScript(
    databases.programs,
    databases.target,
    'CREATE ROLE check_disk LOGIN; ALTER DATABASE check_disk_unknown OWNER TO check_disk;',
  );
  const asOwner = { ...databases, target: altered(databases.target, { username: 'check_disk' }) };
  await expectFires(asOwner, { id: 'disk-unknown', severity: 'note' });
});

/** Puts a file of this size, which takes no space, among those of the source database. */
async function enlarge({ source }: Databases, dataFolder: string, bytes: number): Promise<void> {
  const oid = await queryValue(source, 'SELECT oid FROM pg_database WHERE datname = current_database()');
  const file = join(dataFolder, 'base', String(oid), 'check_large');
  await execa('truncate', ['--size', String(Math.floor(bytes)), file]);
  await execa('chmod', ['644', file]);
  onTestFinished(async () => {
    await execa('rm', ['-f', file]);
  });
}
