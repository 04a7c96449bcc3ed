import { expect, test } from 'vitest';
import { makeReadings } from '../bad-input/readings.js';
import type { Databases } from '../integration/databases.js';
import { apachePair } from '../integration/servers.js';
import { query, queryValue } from '../integration/sql.js';
import { hyperferry } from './command-line.js';

test('--json prints one document on stdout, and nothing else there', async () => {
  const databases = await makeReadings(await apachePair(), 'cli_json');
  const { exitCode, stdout, stderr } = await migrate(databases, ['--json']);
  expect(exitCode, stderr).toBe(0);
  const outcome = JSON.parse(stdout);
  expect(outcome).toMatchObject({
    source: expect.stringMatching(/^postgres@127\.0\.0\.1:\d+\/cli_json$/),
    target: expect.stringMatching(/^postgres@127\.0\.0\.1:\d+\/cli_json$/),
    timescaleVersion: '2.19.3',
    jobs: 2,
    hypertables: 1,
    chunks: 3,
    rows: 79,
    leftOut: expect.any(Array),
  });
  expect(outcome.seconds).toBeGreaterThan(0);
  const stages = outcome.stages.map(({ stage }: { stage: string }) => stage);
  expect([stages[0], stages.at(-1)]).toEqual(['connect', 'finish']);
  expect(stderr).toContain('79 rows');
});

test('a file for what was left out that cannot be written loses neither the outcome nor what it would hold', async () => {
  const databases = await makeReadings(await apachePair(), 'cli_left_out', 'CREATE ROLE cli_left_out LOGIN;');
  await query(databases.target, 'CREATE ROLE cli_left_out');
  const { exitCode, stdout, stderr } = await migrate(databases, ['--json', '--left-out', '/dev/full']);
  expect(exitCode, stderr).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ rows: 79, verification: { equal: true } });
  expect(stderr).toMatch(/note: the run is complete, but .* not be written to \/dev\/full: ENOSPC/);
  expect(stderr).toMatch(/^-- attributes of role cli_left_out: /m);
  expect(stderr, 'no stack trace').not.toMatch(/^ +at /m);
});

test('without --json, stdout stays empty and the summary is on stderr', async () => {
  const databases = await makeReadings(await apachePair(), 'cli_text');
  const { exitCode, stdout, stderr } = await migrate(databases);
  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: '' });
  expect(stderr).toMatch(/3 chunks, 79 rows/);
  expect(stderr).toMatch(/^ *rows and indexes +[\d.]+ s$/m);
  expect(stderr, 'no escape sequences where there is no terminal').not.toContain('\u001b');
});

test('--log-format json prints JSON lines alone on stderr', async () => {
  const databases = await makeReadings(await apachePair(), 'cli_lines');
  const { exitCode, stdout, stderr } = await migrate(databases, ['--log-format', 'json']);
  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: '' });
  const lines = stderr.split('\n').map((line) => JSON.parse(line));
  for (const line of lines) expect(line).toMatchObject({ level: 'info', time: expect.any(String) });
  const types = lines.map(({ type }) => type);
  expect(types[0]).toBe('stage-started');
  expect(types).toContain('rows-planned');
  expect(types.filter((type) => type === 'relation-copied').length).toBeGreaterThanOrEqual(4);
  expect(lines.at(-1)).toMatchObject({ type: 'finished', rows: 79 });
});

test('a failure is the last JSON line, and --json prints no document for it', async () => {
  const databases = await makeReadings(await apachePair(), 'cli_failed');
  const { exitCode, stdout, stderr } = await migrate({ ...databases, target: databases.source }, [
    '--log-format',
    'json',
    '--json',
  ]);
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
  const lines = stderr.split('\n').map((line) => JSON.parse(line));
  expect(lines.at(-1)).toMatchObject({
    level: 'error',
    type: 'failed',
    code: 'SAME_DATABASE',
    message: expect.any(String),
    hint: expect.any(String),
  });
});

test('the databases may be named by flags, and a flag goes before the environment', async () => {
  const databases = await makeReadings(await apachePair(), 'cli_flags');
  const { exitCode, stderr } = await hyperferry(
    ['migrate', '--source', databases.source, '--target', databases.target, '--pg-bin', databases.programs],
    { SOURCE: 'postgresql://127.0.0.1:1/nowhere', TARGET: 'postgresql://127.0.0.1:1/nowhere' },
  );
  expect(exitCode, stderr).toBe(0);
  expect(await queryValue(databases.target, 'SELECT count(*) FROM reading')).toBe('72');
});

/** Names the databases by the environment, as the published procedure does. */
function migrate({ source, target, programs }: Databases, flags: string[] = []) {
  return hyperferry(['migrate', '--jobs', '2', '--pg-bin', programs, ...flags], {
    SOURCE: source,
    TARGET: target,
  });
}
