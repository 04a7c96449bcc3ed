import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Server } from '../../sandbox/index.js';
import { freePort } from '../../sandbox/server/free-port.js';
import { serverAccount } from '../../sandbox/server/server-account.js';
import { makeDatabases } from '../integration/databases.js';
import { startExtraServer } from '../integration/servers.js';
import { query, queryValue } from '../integration/sql.js';
import { expectFinding, expectFires, expectSilence, expectSilent, findingsOf } from './findings.js';
import { altered, checkPair } from './pair.js';

test('a replica is no source and no target until it is promoted, and is named while it follows the source', async () => {
  const { source, target } = await checkPair();
  const settings = { max_worker_processes: '16', 'timescaledb.max_background_workers': '0' };
  const primary = await startExtraServer('check-primary', { settings });
  const databases = await makeDatabases({ source: primary, target }, 'check_replica', '');
  const onOthers = await makeDatabases({ source, target }, 'check_no_replica', '');
  const alone = await findingsOf(databases);
  expectSilence(alone, 'replica');
  expectSilence(alone, 'replicas');

  const port = await startReplica(primary);
  const replica = altered(databases.source, { port: String(port) });
  const followers = async () => (await findingsOf(databases)).filter(({ id }) => id === 'replicas');
  await expect.poll(followers, { timeout: 30_000 }).toHaveLength(1);
  await expectFires(databases, { id: 'replicas', severity: 'note', objects: ['walreceiver (streaming)'] });

  const asSource = await findingsOf({ ...databases, source: replica });
  expectFinding(asSource, { id: 'replica', severity: 'blocker', says: 'primary as source' });
  expectSilence(asSource, 'replicas');
  const { mend } = await expectFires(
    { ...onOthers, target: replica },
    { id: 'replica', severity: 'blocker', says: 'primary as target' },
  );

  await query(replica, /SELECT [^;]+/.exec(mend)?.[0] ?? '');
  await expect.poll(() => queryValue(replica, 'SELECT pg_is_in_recovery()')).toBe('f');
  await expectSilent({ ...onOthers, target: replica }, 'replica');
});

/** Makes a streaming replica of a server, which ends with the test, and gives its port. */
async function startReplica(primary: Server): Promise<number> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'hyperferry-check-replica-'));
  const account = await serverAccount(primary.binFolder, folder);
  await account.own(folder);
  const data = join(folder, 'data');
  await account.run('pg_basebackup', ['-D', data, '-d', primary.url, '-R', '-c', 'fast']);
  const log = join(folder, 'log');
  await account.run('pg_ctl', ['start', '-D', data, '-o', `-p ${port}`, '-l', log, '-w', '-s']);
  onTestFinished(async () => {
    process.kill(Number.parseInt(await readFile(join(data, 'postmaster.pid'), 'utf8'), 10), 'SIGQUIT');
    await expect.poll(() => queryValue(primary.url, 'SELECT count(*) FROM pg_stat_replication')).toBe('0');
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  return port;
}
