import { spawn } from 'node:child_process';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import {
  communityBin,
  listServers,
  type Server,
  type StartOptions,
  startServer,
  stopServer,
} from '../../sandbox/index.js';
import { query } from './query.js';
import { makeTemporaryFolder } from './temporary-folder.js';

const community = await communityBin();
const settings = {
  work_mem: '9MB',
  log_line_prefix: String.raw`it's a \n "prefix" # %p`,
  max_connections: '17',
};
const MAY_DOWNLOAD_MS = 600_000;
let dataRoot: string;
/** A server that the tests may use and none may change. */
let shared: Server;

beforeAll(async () => {
  dataRoot = await makeTemporaryFolder();
  shared = await startServer({ dataRoot, name: 'shared', settings });
}, MAY_DOWNLOAD_MS);

afterAll(async () => {
  for (const { name } of await listServers({ dataRoot })) await stopServer(name, { dataRoot });
  await rm(dataRoot, { recursive: true });
});

async function startForTest(options: StartOptions) {
  const server = await startServer({ dataRoot, ...options });
  onTestFinished(() => server.stop());
  return server;
}

describe('a started server', () => {
  test('has TimescaleDB, of the Apache edition', async () => {
    expect(shared.url).toBe(`postgres://postgres@127.0.0.1:${shared.port}/postgres`);
    const rows = await query(
      shared.url,
      'CREATE EXTENSION timescaledb',
      'CREATE TABLE metric (at timestamptz NOT NULL, value int)',
      "SELECT create_hypertable('metric', 'at')",
      'INSERT INTO metric VALUES (now(), 1)',
      `SELECT extversion ~ '^2[.]' AS version_two, current_setting('timescaledb.license') AS license,
              current_setting('server_version_num')::int / 10000 AS major, (SELECT count(*)::int FROM show_chunks('metric')) AS chunks
       FROM pg_extension WHERE extname = 'timescaledb'`,
    );
    expect(rows).toEqual([{ version_two: true, license: 'apache', major: 17, chunks: 1 }]);
  });

  test('has the settings asked for, whatever characters they hold', async () => {
    const rows = await query(
      shared.url,
      `SELECT current_setting('work_mem') AS work_mem, current_setting('log_line_prefix') AS log_line_prefix,
              current_setting('max_connections') AS max_connections`,
    );
    expect(rows).toEqual([settings]);
  });

  test('is listed', async () => {
    expect(await listServers({ dataRoot })).toContainEqual({
      name: 'shared',
      state: 'running',
      url: shared.url,
      port: shared.port,
      postgres: 17,
      edition: 'apache',
    });
  });

  test('is of the PostgreSQL version asked for', { timeout: MAY_DOWNLOAD_MS }, async () => {
    const server = await startForTest({ name: 'eighteen', postgres: 18 });
    const rows = await query(
      server.url,
      'CREATE EXTENSION timescaledb',
      "SELECT current_setting('server_version_num')::int / 10000 AS major",
    );
    expect(rows).toEqual([{ major: 18 }]);
  });

  test.skipIf(community === undefined)('of the community edition compresses', async () => {
    const server = await startForTest({ name: 'community', edition: 'community' });
    const rows = await query(
      server.url,
      'CREATE EXTENSION timescaledb',
      'CREATE TABLE metric (at timestamptz NOT NULL, value int)',
      "SELECT create_hypertable('metric', 'at')",
      'ALTER TABLE metric SET (timescaledb.compress)',
      'INSERT INTO metric VALUES (now(), 1)',
      "SELECT count(compress_chunk(chunk))::int AS compressed FROM show_chunks('metric') AS chunk",
    );
    expect(rows).toEqual([{ compressed: 1 }]);
  });

  test('keeps its data and port over a restart, also over one as after a crash, until stop deletes it', async () => {
    const server = await startForTest({ name: 'restarted' });
    await query(server.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await server.restart();
    await server.restart('immediate');
    expect(await query(server.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);

    await server.stop();
    await expect(stat(join(dataRoot, 'restarted'))).rejects.toThrow('ENOENT');
    await expect(query(server.url, 'SELECT 1')).rejects.toThrow('ECONNREFUSED');
  });
});

describe('starting a name that runs', () => {
  test('returns the running server', async () => {
    const startedAt = 'SELECT pg_postmaster_start_time()';
    const before = await query(shared.url, startedAt);
    const again = await startServer({ dataRoot, name: 'shared', settings });
    expect(again.url).toBe(shared.url);
    expect(await query(again.url, startedAt)).toEqual(before);
  });

  test('is refused if the settings differ', async () => {
    await expect(
      startServer({ dataRoot, name: 'shared', settings: { ...settings, work_mem: '8MB' } }),
    ).rejects.toMatchObject({ code: 'NAME_IN_USE', message: expect.stringMatching(/8MB.*but.*9MB/) });
  });

  test('twice at once makes one server', async () => {
    const [first, second] = await Promise.all([
      startForTest({ name: 'at-once' }),
      startForTest({ name: 'at-once' }),
    ]);
    expect(second.url).toBe(first.url);
  });
});

describe('a server that was not stopped', () => {
  test('but killed is replaced by an empty one', async () => {
    const killed = await startForTest({ name: 'killed' });
    await query(killed.url, 'CREATE TABLE lost ()');
    const pid = Number.parseInt(await readFile(join(killed.dataFolder, 'postmaster.pid'), 'utf8'), 10);
    process.kill(pid, 'SIGKILL');
    await expect
      .poll(() => listServers({ dataRoot }))
      .toContainEqual(expect.objectContaining({ name: 'killed', state: 'down' }));
    const anew = await startForTest({ name: 'killed' });
    expect(await query(anew.url, "SELECT to_regclass('lost') AS found")).toEqual([{ found: null }]);
  });

  test('and whose process number now is another program’s leaves that program alone', async () => {
    const bystander = spawn('sleep', ['60'], { stdio: 'ignore' });
    onTestFinished(() => void bystander.kill('SIGKILL'));
    await mkdir(join(dataRoot, 'rebooted/data'), { recursive: true });
    await writeFile(join(dataRoot, 'rebooted/data/postmaster.pid'), `${bystander.pid}\n`);
    await stopServer('rebooted', { dataRoot });
    await expect(stat(join(dataRoot, 'rebooted'))).rejects.toThrow('ENOENT');
    expect(bystander.exitCode).toBeNull();
    expect(bystander.signalCode).toBeNull();
  });
});

describe('a server that cannot start', () => {
  test('says what its log says, and leaves nothing', async () => {
    const start = startServer({ dataRoot, name: 'broken', settings: { shared_buffers: 'plenty' } });
    await expect(start).rejects.toMatchObject({
      code: 'SERVER_FAILED',
      message: expect.stringContaining('invalid value for parameter "shared_buffers"'),
    });
    await expect(stat(join(dataRoot, 'broken'))).rejects.toThrow('ENOENT');
  });

  test('because its port is taken says so', async () => {
    await expect(startServer({ dataRoot, name: 'second', port: shared.port })).rejects.toMatchObject({
      code: 'SERVER_FAILED',
      message: expect.stringContaining('Address already in use'),
    });
  });

  test('because its data folder cannot be made says which variable to set', async () => {
    const file = join(dataRoot, 'file');
    await writeFile(file, '');
    await expect(startServer({ dataRoot: join(file, 'below'), name: 'x' })).rejects.toMatchObject({
      code: 'FOLDER_UNUSABLE',
      hint: expect.stringContaining('HYPERFERRY_SANDBOX_DATA'),
    });
  });

  test.each(['../escape', '', 'Capital', '-flag'])('because of its name: "%s"', async (name) => {
    await expect(startServer({ dataRoot, name })).rejects.toMatchObject({ code: 'INVALID_NAME' });
  });

  test.each([
    [{ 'work mem': '1MB' }, 'name of a PostgreSQL setting'],
    [{ work_mem: "1MB'\nfsync = on" }, 'on one line'],
    [{ port: '5432' }, 'the sandbox chooses it'],
  ])('because of a setting: %j', async (settings, said) => {
    await expect(startServer({ dataRoot, name: 'refused', settings })).rejects.toMatchObject({
      code: 'INVALID_SETTING',
      message: expect.stringContaining(said),
    });
  });
});
