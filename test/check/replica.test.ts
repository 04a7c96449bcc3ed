import { expect, test } from 'vitest';
import { startReplica } from '../bad-input/start-replica.js';
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
