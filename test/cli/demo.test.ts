import { rm } from 'node:fs/promises';
import { execa } from 'execa';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listServers } from '../../sandbox/index.js';
import { countRows, countTable } from '../../src/cli/demo-counts.js';
import { makeTemporaryFolder } from '../sandbox/temporary-folder.js';

let dataRoot: string;
let first: Awaited<ReturnType<typeof demo>>;
let source: string;
let target: string;

beforeAll(async () => {
  dataRoot = await makeTemporaryFolder();
  first = await demo();
  [source = '', target = ''] = urlsIn(first.stdout);
});

afterAll(async () => {
  await demo('--clean');
  await rm(dataRoot, { recursive: true });
});

function demo(...args: string[]) {
  return execa(process.execPath, ['--import', 'tsx', 'src/cli/main.ts', 'demo', ...args], {
    env: { HYPERFERRY_SANDBOX_DATA: dataRoot, npm_lifecycle_event: 'demo' },
    reject: false,
  });
}

function urlsIn(stdout: string): string[] {
  return stdout.match(/postgres:\/\/\S+\/demo$/gm) ?? [];
}

describe('the demo', () => {
  test('moves about a million rows, compares every relation and says what to type next', () => {
    const { exitCode, stdout, stderr } = first;
    expect(stderr).toContain('Starting PostgreSQL 17 (apache edition) as "demo-source"');
    expect(exitCode, stderr).toBe(0);
    expect(stderr).toMatch(/^ {2}rows and indexes +[\d.]+ s$/m);
    expect(stdout).toMatch(/^ +49 relations, 43 chunks, 1,010,049 rows, .* in [\d.]+ s$/m);
    expect(stdout).toMatch(/^public\.reading +604,800 +604,800 {2}yes$/m);
    expect(stdout).toMatch(/^total +1,012,149 +1,012,149 {2}yes$/m);
    expect(stdout).not.toMatch(/NO$/m);
    expect(stdout).toMatch(/^ {2}npm run demo -- --clean$/m);
    expect(urlsIn(stdout)).toHaveLength(2);
  });

  test('shows a database that works: its hypertables take rows for old and for new chunks', async () => {
    const client = new pg.Client({ connectionString: target });
    await client.connect();
    try {
      const hypertables =
        'SELECT hypertable_name::text AS name, num_dimensions FROM timescaledb_information.hypertables';
      expect((await client.query(`${hypertables} ORDER BY 1`)).rows).toEqual([
        { name: 'machine_cycle', num_dimensions: 1 },
        { name: 'reading', num_dimensions: 1 },
        { name: 'vehicle_position', num_dimensions: 2 },
      ]);
      for (const time of ['2025-01-02 00:01Z', '2030-01-01 00:00Z']) {
        await client.query('INSERT INTO reading (time, sensor_id, value) VALUES ($1, 1, 0)', [time]);
      }
    } finally {
      await client.end();
    }
  });

  test('sees a row that is missing on one side, and a relation', async () => {
    const client = new pg.Client({ connectionString: target });
    await client.connect();
    await client.query('DELETE FROM vehicle_position WHERE vehicle = $1', ['Vehicle 7']);
    await client.query('DROP TABLE alert');
    await client.end();

    const table = countTable(await countRows(source, target));
    expect(table).toContainEqual(expect.stringMatching(/^public\.alert +2,729 +missing {2}NO$/));
    expect(table).toContainEqual(expect.stringMatching(/^public\.vehicle_position +302,400 +296,352 {2}NO$/));
    expect(table).toContainEqual(expect.stringMatching(/^public\.machine_cycle +100,000 +100,000 {2}yes$/));
    expect(table.at(-1)).toMatch(/^total .* NO$/);
  });

  test('begins anew when it ran before, in the servers that it left', async () => {
    const before = await listServers({ dataRoot });
    const { exitCode, stdout, stderr } = await demo();
    expect(exitCode, stderr).toBe(0);
    expect(stderr).not.toContain('Starting');
    expect(stdout).toMatch(/^total +1,012,149 +1,012,149 {2}yes$/m);
    expect(await listServers({ dataRoot })).toEqual(before);
  });

  test('removes both servers with --clean, and once more without an error', async () => {
    for (const _ of [1, 2]) {
      expect(await demo('--clean')).toMatchObject({ exitCode: 0, stdout: '' });
      expect(await listServers({ dataRoot })).toEqual([]);
    }
  });

  test('exits with 2 on a flag that it does not know', async () => {
    expect(await demo('--fast')).toMatchObject({
      exitCode: 2,
      stdout: '',
      stderr: expect.stringContaining("unknown option '--fast'"),
    });
  });
});
