import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished, test } from 'vitest';
import { clientBinFolder } from '../../sandbox/index.js';
import { freePort } from '../../sandbox/server/free-port.js';
import { serverAccount } from '../../sandbox/server/server-account.js';
import { apachePair } from '../integration/servers.js';
import { endProcess } from './processes.js';
import { altered, makeReadings } from './readings.js';
import { expectRefusal } from './refusal.js';

const programs = await clientBinFolder();
const pgbouncer = await firstThatExists([join(programs, 'pgbouncer'), '/usr/sbin/pgbouncer']);
const title = pgbouncer ? '' : ' (skipped: this machine has no PgBouncer)';

for (const side of ['source', 'target'] as const) {
  for (const mode of ['session', 'transaction'] as const) {
    test.skipIf(!pgbouncer)(`a pooler in ${mode} mode before the ${side} is refused${title}`, async () => {
      const pair = await apachePair();
      const databases = await makeReadings(pair, `bad_pool_${side}_${mode}`);
      const port = await startPgBouncer(pgbouncer ?? '', pair[side].port, mode);
      await expectRefusal(
        databases,
        {
          code: 'UNSUITABLE',
          says: [side, 'pooler'],
          advises: `--${side}`,
        },
        { [side]: altered(databases[side], { port: String(port) }) },
      );
    });
  }
}

/** Starts a pooler that ends with the test, and gives its port. */
async function startPgBouncer(program: string, server: number, mode: string): Promise<number> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'hyperferry-pgbouncer-'));
  const account = await serverAccount(dirname(program), folder);
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
  return port;
}

async function firstThatExists(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const isThere = await access(path).then(
      () => true,
      () => false,
    );
    if (isThere) return path;
  }
  return undefined;
}
