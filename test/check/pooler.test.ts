import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { clientBinFolder } from '../../sandbox/index.js';
import { isThere } from '../../sandbox/is-there.js';
import { freePort } from '../../sandbox/server/free-port.js';
import { serverAccount } from '../../sandbox/server/server-account.js';
import { makeDatabases } from '../integration/databases.js';
import { expectFires, expectSilent } from './findings.js';
import { altered, checkPair } from './pair.js';

const pgbouncer = await firstThatExists([join(await clientBinFolder(), 'pgbouncer'), '/usr/sbin/pgbouncer']);
const title = pgbouncer ? '' : ' (skipped: this machine has no PgBouncer)';

test.skipIf(!pgbouncer)(`pooler names the side before which one stands${title}`, async () => {
  const pair = await checkPair();
  const databases = await makeDatabases(pair, 'check_pooler', '');
  await expectSilent(databases, 'pooler');
  for (const side of ['source', 'target'] as const) {
    const port = await startPgBouncer(pgbouncer ?? '', pair[side].port);
    const pooled = { ...databases, [side]: altered(databases[side], { port: String(port) }) };
    const { mend } = await expectFires(pooled, {
      id: 'pooler',
      severity: 'blocker',
      says: `connection to the ${side} server itself`,
    });
    expect(mend).toContain(`--${side}`);
  }
});

/** Starts a pooler that ends with the test, and gives its port. */
async function startPgBouncer(program: string, server: number): Promise<number> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'hyperferry-check-pooler-'));
  const account = await serverAccount(dirname(program), folder);
  await account.own(folder);
  await writeFile(join(folder, 'users.txt'), '"postgres" ""\n');
  const configuration = `
[databases]
* = host=127.0.0.1 port=${server} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
auth_file = ${folder}/users.txt
pool_mode = session
logfile = ${folder}/log
pidfile = ${folder}/pid
`;
  await writeFile(join(folder, 'pgbouncer.ini'), configuration);
  await account.run('pgbouncer', ['-d', '-q', join(folder, 'pgbouncer.ini')]);
  onTestFinished(async () => {
    process.kill(Number.parseInt(await readFile(join(folder, 'pid'), 'utf8'), 10));
    await rm(folder, { recursive: true, force: true });
  });
  return port;
}

async function firstThatExists(programs: readonly string[]): Promise<string | undefined> {
  for (const program of programs) if (await isThere(program, 'program')) return program;
  return undefined;
}
