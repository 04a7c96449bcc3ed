import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Server } from '../../sandbox/index.js';
import { freePort } from '../../sandbox/server/free-port.js';
import { serverAccount } from '../../sandbox/server/server-account.js';
import { apachePair, startExtraServer } from '../integration/servers.js';
import { queryValue } from '../integration/sql.js';
import { endProcess, expectEventually } from './processes.js';
import { altered, makeReadings } from './readings.js';
import { expectRefusal } from './refusal.js';

test('a replica is neither a source nor a target', async () => {
  const { source, target } = await apachePair();
  const primary = await startExtraServer('primary', { settings: { wal_level: 'replica' } });
  const databases = await makeReadings({ source: primary, target }, 'bad_replica');
  const replica = altered(databases.source, { port: String(await startReplica(primary)) });
  await expectEventually(
    () => queryValue(replica, 'SELECT count(*) FROM reading').catch(() => 'not yet there'),
    '72',
    'rows on the replica',
  );

  await expectRefusal(
    databases,
    { code: 'UNSUITABLE', says: ['expected a primary as source', 'replica'], advises: 'primary' },
    { source: replica },
  );
  const other = await makeReadings({ source, target }, 'bad_replica_target');
  await expectRefusal(
    other,
    { code: 'UNSUITABLE', says: ['expected a primary as target', 'replica'], advises: 'primary' },
    { target: replica },
  );
  expect(await queryValue(replica, 'SELECT pg_is_in_recovery()')).toBe('t');
});

/** Makes a streaming replica of a server, which ends with the test, and gives its port. */
async function startReplica(primary: Server): Promise<number> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'hyperferry-replica-'));
  const account = await serverAccount(primary.binFolder, folder);
  await account.own(folder);
  const data = join(folder, 'data');
  await account.run('pg_basebackup', ['-D', data, '-d', primary.url, '-R', '-c', 'fast']);
  await account.run('pg_ctl', [
    'start',
    '-D',
    data,
    '-o',
    `-p ${port}`,
    '-l',
    join(folder, 'log'),
    '-w',
    '-s',
  ]);
  onTestFinished(async () => {
    await endProcess(join(data, 'postmaster.pid'), 'SIGQUIT');
    await rm(folder, { recursive: true });
  });
  return port;
}
