import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Server } from '../../sandbox/index.js';
import { freePort } from '../../sandbox/server/free-port.js';
import { serverAccount } from '../../sandbox/server/server-account.js';
import { endProcess } from './processes.js';

/** Makes a streaming replica of a server, which ends with the test, and gives its port. */
export async function startReplica(primary: Server): Promise<number> {
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
