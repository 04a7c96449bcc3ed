import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { clientBinFolder } from '../../sandbox/index.js';
import { isThere } from '../../sandbox/is-there.js';
import { freePort } from '../../sandbox/server/free-port.js';
import { serverAccount } from '../../sandbox/server/server-account.js';
import { endProcess, expectEventually } from './processes.js';

const program = await firstThatExists([join(await clientBinFolder(), 'pgbouncer'), '/usr/sbin/pgbouncer']);

export const hasPgBouncer = program !== undefined;

/** Starts a pooler that ends with the test, and gives its port. */
export async function startPgBouncer(server: number, mode: 'session' | 'transaction'): Promise<number> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'hyperferry-pgbouncer-'));
  const account = await serverAccount(dirname(program ?? ''), folder);
  await account.own(folder);
  await writeFile(join(folder, 'users.txt'), '"postgres" ""\n');
  // Any user that a client names is taken; the server trusts them all.
  const configuration = `
[databases]
* = host=127.0.0.1 port=${server} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
auth_file = ${folder}/users.txt
pool_mode = ${mode}
logfile = ${folder}/log
pidfile = ${folder}/pid
`;
  await writeFile(join(folder, 'pgbouncer.ini'), configuration);
  await account.run('pgbouncer', ['-d', '-q', join(folder, 'pgbouncer.ini')]);
  onTestFinished(async () => {
    await endProcess(join(folder, 'pid'));
    await rm(folder, { recursive: true });
  });
  await expectEventually(() => takesConnections(port), true, 'the pooler takes connections');
  return port;
}

async function firstThatExists(programs: readonly string[]): Promise<string | undefined> {
  for (const candidate of programs) if (await isThere(candidate, 'program')) return candidate;
  return undefined;
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
