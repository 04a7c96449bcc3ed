import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { Server } from '../../sandbox/index.js';
import { freePort } from '../../sandbox/server/free-port.js';
import { serverAccount } from '../../sandbox/server/server-account.js';
import { isTransient } from '../../src/postgres/transient.js';
import { startReplica } from '../bad-input/start-replica.js';
import { startExtraServer } from '../integration/servers.js';
import { query } from '../integration/sql.js';
import { type BothWays, bothWays } from './both-ways.js';

const hasIpv6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === '::1'),
);

const ACCESS = `
host  all postgres,anyone 127.0.0.1/32 trust
host  replication postgres 127.0.0.1/32 trust
host  all scram           127.0.0.1/32 scram-sha-256
host  all anyone          ::1/128      trust
local all scram                        scram-sha-256
local all anyone                       trust
`;
const PASSWORD = ['made', 'up', 'for', 'hosts'].join('-');

let server: Server;
/** Where sessions are read-only by default. */
let reader: Server;
let sockets: string;
let home: string;
let dead: number;

beforeAll(async () => {
  [server, reader, home, dead] = await Promise.all([
    startExtraServer('hosts', { settings: { max_worker_processes: '16' } }),
    startExtraServer('hosts-reader', {
      settings: { max_worker_processes: '16', default_transaction_read_only: 'on' },
    }),
    mkdtemp(join(tmpdir(), 'hyperferry-hosts-')),
    freePort(),
  ]);
  sockets = join(server.dataFolder, 'sockets');
  await mkdir(sockets);
  await (await serverAccount(server.binFolder, server.dataFolder)).own(sockets);
  await query(server.url, 'CREATE ROLE anyone LOGIN');
  await query(server.url, `CREATE ROLE scram LOGIN PASSWORD '${PASSWORD}'`);
  await query(`${reader.url}?options=-cdefault_transaction_read_only%3Doff`, 'CREATE ROLE anyone LOGIN');
  await writeFile(join(server.dataFolder, 'pg_hba.conf'), ACCESS);
  await query(server.url, `ALTER SYSTEM SET unix_socket_directories = '${sockets}'`);
  if (hasIpv6) await query(server.url, `ALTER SYSTEM SET listen_addresses = '127.0.0.1,::1'`);
  await server.restart();
});
afterAll(() => rm(home, { recursive: true }));

test('hosts are tried in turn, and one that nobody listens on is passed over', async () => {
  const found = `127.0.0.1 ${server.port} plain`;
  await expectAlike(await connect(`host=127.0.0.1,127.0.0.1 port=${dead},${server.port} user=anyone`), found);
  await expectAlike(
    await connect(`host=no-such-host.invalid,127.0.0.1 port=${server.port} user=anyone`),
    found,
  );
  const uri = `postgresql://anyone@127.0.0.1:${dead},127.0.0.1:${server.port},127.0.0.1:${reader.port}/postgres`;
  await expectAlike(await bothWays(server, uri, { HOME: home }), found);
});

test('that no host answers is an error that says why for each', async () => {
  const nowhere = await connect(`host=127.0.0.1,no-such-host.invalid port=${dead} user=anyone`);
  expect(nowhere.session).toMatch(
    new RegExp(
      `127.0.0.1:${dead}: connect ECONNREFUSED.*; no-such-host.invalid:${dead}: .*ENOTFOUND|EAI_AGAIN`,
    ),
  );
  expect(nowhere.program).toMatch(/^refused/);
  expect(isTransient(nowhere.error)).toBe(true);
});

test('a host that refuses the login has the last word', async () => {
  const text = `host=127.0.0.1,127.0.0.1 port=${server.port},${reader.port} user=scram password=wrong`;
  const { session, program, error } = await connect(text);
  expect(isTransient(error)).toBe(false);
  expect(session).toMatch(/^refused: .*password authentication failed/);
  expect(program).toMatch(/^refused: .*password authentication failed/s);
});

test('a host that does not answer is passed over after connect_timeout', async () => {
  const silent = createServer();
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void silent.close());
  const { port } = silent.address() as { port: number };
  const text = `host=127.0.0.1,127.0.0.1 port=${port},${server.port} user=anyone connect_timeout=2`;
  await expectAlike(await connect(text), `127.0.0.1 ${server.port} plain`);
  const { session, error } = await connect(`host=127.0.0.1 port=${port} user=anyone connect_timeout=2`);
  expect(session).toMatch(/no answer within connect_timeout/);
  expect(isTransient(error), 'another try may succeed').toBe(true);
});

test('hostaddr is where to connect, whatever the name', async () => {
  const text = `host=no-such-host.invalid hostaddr=127.0.0.1 port=${server.port} user=anyone`;
  await expectAlike(await connect(text), `127.0.0.1 ${server.port} plain`);
  await expectAlike(
    await connect(`hostaddr=127.0.0.1 port=${server.port} user=anyone`),
    `127.0.0.1 ${server.port} plain`,
  );
});

test('a name with several addresses is each of them', async () => {
  // The reader listens on one of the addresses that localhost may have.
  await expectAlike(
    await connect(`host=localhost port=${reader.port} user=anyone`),
    `127.0.0.1 ${reader.port} plain`,
  );
});

test.skipIf(!hasIpv6)(
  `an address may be of IPv6${hasIpv6 ? '' : ' (skipped: this machine has no ::1)'}`,
  async () => {
    const found = `::1 ${server.port} plain`;
    await expectAlike(await connect(`host=::1 port=${server.port} user=anyone`), found);
    const uri = `postgresql://anyone@[::1]:${server.port}/postgres`;
    await expectAlike(await bothWays(server, uri, { HOME: home }), found);
  },
);

test('a host may be the folder of a Unix socket, which is never encrypted', async () => {
  const found = `socket ${server.port} plain`;
  await expectAlike(await connect(`host=${sockets} port=${server.port} user=anyone`), found);
  await expectAlike(
    await connect(`host=${sockets} port=${server.port} user=anyone sslmode=verify-full`),
    found,
  );
  const uri = `postgresql://anyone@${encodeURIComponent(sockets)}:${server.port}/postgres`;
  await expectAlike(await bothWays(server, uri, { HOME: home }), found);
  const missing = await connect(`host=${home} port=${server.port} user=anyone`);
  expect(missing.session).toMatch(/^refused: .*ENOENT/);
});

test('target_session_attrs chooses among the hosts', async () => {
  const hosts = `host=127.0.0.1,127.0.0.1 port=${reader.port},${server.port} user=anyone`;
  const [first, second] = [`127.0.0.1 ${reader.port} plain`, `127.0.0.1 ${server.port} plain`];
  for (const [wanted, found] of Object.entries({
    any: first,
    'read-only': first,
    'read-write': second,
    primary: first,
    'prefer-standby': first,
  })) {
    await expectAlike(await connect(`${hosts} target_session_attrs=${wanted}`), found);
  }
  const { session, program, hint } = await connect(`${hosts} target_session_attrs=standby`);
  expect(session).toMatch(/the server is not a standby, which target_session_attrs=standby excludes/);
  expect(program).toMatch(/^refused/);
  expect(hint).toMatch(/change target_session_attrs/);
});

test('target_session_attrs tells a standby from its primary', async () => {
  const standby = await startReplica(server);
  const hosts = `host=127.0.0.1,127.0.0.1 port=${server.port},${standby} user=anyone`;
  const [first, second] = [`127.0.0.1 ${server.port} plain`, `127.0.0.1 ${standby} plain`];
  for (const [wanted, found] of Object.entries({
    standby: second,
    'prefer-standby': second,
    'read-only': second,
    primary: first,
    'read-write': first,
  })) {
    await expectAlike(await connect(`${hosts} target_session_attrs=${wanted}`), found);
  }
});

test('a password may be another for each host', async () => {
  const passfile = join(home, '.pgpass');
  await writeFile(passfile, `one:*:*:*:wrong\n${sockets}:*:*:*:${PASSWORD}\n`, { mode: 0o600 });
  const text = `host=one,${sockets} hostaddr=127.0.0.1, port=${dead},${server.port} user=scram`;
  await expectAlike(await connect(text), `socket ${server.port} plain`);
  const wrong = await connect(`host=one hostaddr=127.0.0.1 port=${server.port} user=scram`);
  expect(wrong.session).toMatch(/password authentication failed/);
  expect(wrong.program).toMatch(/password authentication failed/);
  expect(wrong.hint).toContain(passfile);
});

test('a password file that others may read is not used, and the error says so', async () => {
  const passfile = join(home, 'open-passwords');
  await writeFile(passfile, `*:*:*:*:${PASSWORD}\n`, { mode: 0o644 });
  const text = `host=127.0.0.1 port=${server.port} user=scram passfile=${passfile}`;
  const { session, program } = await connect(text);
  expect(session).toMatch(
    new RegExp(`the server asks for a password, and none was given \\(${passfile} can be read by others`),
  );
  expect(program).toMatch(/^refused/);
});

function connect(text: string): Promise<BothWays> {
  return bothWays(server, `${text} dbname=postgres`, { HOME: home });
}

async function expectAlike({ session, program }: BothWays, found: string): Promise<void> {
  expect({ session, program }).toEqual({ session: found, program: found });
}
