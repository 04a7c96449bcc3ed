import { rm } from 'node:fs/promises';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { clientBinFolder } from '../../sandbox/index.js';
import { query } from './query.js';
import { makeTemporaryFolder } from './temporary-folder.js';

let dataRoot: string;

beforeAll(async () => {
  dataRoot = await makeTemporaryFolder();
});

afterAll(async () => {
  await sandbox('stop', '--all');
  await rm(dataRoot, { recursive: true });
});

function sandbox(...args: string[]) {
  return sandboxWith({}, ...args);
}

/** Without npm in between, which takes longer than the rest. */
function sandboxWith(env: Record<string, string>, ...args: string[]) {
  return execa(process.execPath, ['--import', 'tsx', 'sandbox/cli.ts', ...args], {
    env: { HYPERFERRY_SANDBOX_DATA: dataRoot, ...env },
    reject: false,
  });
}

describe.concurrent('the command line', () => {
  test('start prints the URL alone, list shows the server, stop ends it', async ({ expect }) => {
    const started = await sandbox('start', 'alone', '--set', 'work_mem=9MB', '--set', 'log_line_prefix=a=b');
    expect(started).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^postgres:\/\/postgres@127\.0\.0\.1:\d+\/postgres$/),
      stderr: expect.stringContaining('Starting PostgreSQL 17 (apache edition) as "alone"'),
    });
    const settings = `SELECT current_setting('work_mem') AS work_mem, current_setting('log_line_prefix') AS prefix`;
    expect(await query(started.stdout, settings)).toEqual([{ work_mem: '9MB', prefix: 'a=b' }]);

    const listed = await sandbox('list');
    expect(listed.stdout).toBe(`alone\trunning\tpostgres-17\tapache\t${started.stdout}`);

    expect(await sandbox('stop', 'alone')).toMatchObject({ exitCode: 0, stdout: '' });
    expect((await sandbox('list')).stdout).toBe('');
  });

  test('bin prints the folder of the client programs', async ({ expect }) => {
    const { stdout } = await sandbox('bin');
    expect(stdout).toBe(await clientBinFolder());
    expect((await execa(`${stdout}/pg_dump`, ['--version'])).stdout).toMatch(/^pg_dump \(PostgreSQL\) 17\./);
  });

  test.for([
    ['an unknown command', ['begin']],
    ['no command', []],
    ['no name', ['start']],
    ['a name that is none', ['start', 'No/Name']],
    ['an edition that is none', ['start', 'x', '--edition', 'enterprise']],
    ['a version that is not served', ['start', 'x', '--postgres', '12']],
    ['a port that is none', ['start', 'x', '--port', '70000']],
    ['a setting without a value', ['start', 'x', '--set', 'work_mem']],
    ['stop without a name', ['stop']],
    ['stop with a name and --all', ['stop', 'x', '--all']],
  ] as const)('exits with 2 and an empty stdout on %s', async ([, args], { expect }) => {
    expect(await sandbox(...args)).toMatchObject({
      exitCode: 2,
      stdout: '',
      stderr: expect.stringMatching(/./),
    });
  });

  test('exits with 1, and says what to do, on a failure', async ({ expect }) => {
    const { exitCode, stdout, stderr } = await sandboxWith(
      { HYPERFERRY_COMMUNITY_BIN: '/nowhere' },
      ...['start', 'x', '--edition', 'community'],
    );
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toMatch(/error: Expected PostgreSQL's programs in HYPERFERRY_COMMUNITY_BIN=\/nowhere/);
    expect(stderr).toMatch(/hint: Set HYPERFERRY_COMMUNITY_BIN/);
  });
});
