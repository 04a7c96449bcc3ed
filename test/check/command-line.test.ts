import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import { type Finding, HyperferryError, migrate } from '../../src/index.js';
import { hyperferry } from '../cli/command-line.js';
import { type Databases, makeDatabases } from '../integration/databases.js';
import { query, queryValue } from '../integration/sql.js';
import { altered, checkPair } from './pair.js';

const run = (command: string, { source, target, programs }: Databases, ...flags: string[]) =>
  hyperferry([
    command,
    '--source',
    source,
    '--target',
    target,
    '--pg-bin',
    programs,
    '--jobs',
    '1',
    ...flags,
  ]);

test('check exits with 0 without blockers, and groups what it found', async () => {
  const databases = await makeDatabases(
    await checkPair(),
    'check_cli',
    'CREATE EXTENSION timescaledb; CREATE UNLOGGED TABLE passing (n int);',
  );
  const { exitCode, stdout, stderr } = await run('check', databases);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(stdout).toMatch(/^Notes: /m);
  expect(stdout).not.toMatch(/^Blockers: /m);
  expect(stdout).toMatch(/^ {2}\[unlogged-tables\] unlogged tables: public\.passing$/m);
  expect(stdout).toMatch(/^ {6}> Nothing to do\.$/m);
  expect(stdout).toMatch(/^0 blockers, \d+ warnings?, \d+ notes?$/m);
});

test('check exits with 3 and names the blockers first, as text and as one JSON document', async () => {
  const databases = await makeDatabases(await checkPair(), 'check_cli_blocked', '');
  await query(databases.target, 'CREATE TABLE there (n int)');
  const text = await run('check', databases);
  expect({ exitCode: text.exitCode, stderr: text.stderr }).toEqual({ exitCode: 3, stderr: '' });
  expect(text.stdout.indexOf('Blockers: ')).toBe(0);
  expect(text.stdout).toContain('[target-not-empty]');

  const json = await run('check', databases, '--json');
  expect(json.exitCode).toBe(3);
  const { findings, ...rest } = JSON.parse(json.stdout) as { findings: Finding[] };
  expect(rest).toEqual({});
  expect(findings).toContainEqual({
    id: 'target-not-empty',
    severity: 'blocker',
    code: 'TARGET_NOT_EMPTY',
    found: expect.any(String),
    objects: ['table public.there'],
    why: expect.any(String),
    mend: expect.any(String),
  });
  for (const { id, severity, found, objects, why, mend } of findings) {
    expect(id).toMatch(/^[a-z0-9-]+$/);
    expect(severity).toMatch(/^(blocker|warning|note)$/);
    expect(objects.every((name) => typeof name === 'string')).toBe(true);
    for (const words of [found, why, mend]) expect(words).not.toBe('');
  }
});

test('check exits with 1 when a side cannot be reached, and with 2 when none is named', async () => {
  const databases = await makeDatabases(await checkPair(), 'check_cli_unreachable', '');
  const nowhere = { ...databases, target: altered(databases.target, { pathname: '/no_such_database' }) };
  const { exitCode, stderr } = await run('check', nowhere, '--json');
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/no_such_database/);
  expect((await hyperferry(['check', '--source', databases.source])).exitCode).toBe(2);
});

test('--skip-check lets migrate go on in spite of a blocker of that id, and of no other', async () => {
  const { source, target } = await checkPair();
  const databases = await makeDatabases(
    { source, target },
    'check_skip',
    'CREATE EXTENSION timescaledb; CREATE TABLE entry AS SELECT generate_series(1, 9) AS n;',
  );
  // A source whose files seem to take more than the target's disk has free.
  const { bavail, bsize } = await statfs(target.dataFolder);
  const oid = await queryValue(databases.source, `SELECT oid FROM pg_database WHERE datname = 'check_skip'`);
  const file = join(source.dataFolder, 'base', String(oid), 'check_large');
  await execa('truncate', ['--size', String(bavail * bsize * 2), file]);
  await execa('chmod', ['644', file]);
  onTestFinished(async () => {
    await execa('rm', ['-f', file]);
  });

  const refused = await run('migrate', databases);
  expect(refused.exitCode).not.toBe(0);
  expect(refused.stderr).toMatch(/MB free on the target/);
  const others = await run('migrate', databases, '--skip-check', 'locks', '--skip-check', 'connections');
  expect(others.exitCode).not.toBe(0);
  const mistyped = await run('migrate', databases, '--skip-check', 'diks');
  expect(mistyped).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('but diks came') });
  const error = await migrate({ ...databases, jobs: 1, skipChecks: ['locks'] }).then(
    () => undefined,
    (refusal: unknown) => refusal,
  );
  expect(error).toBeInstanceOf(HyperferryError);
  expect(error).toMatchObject({ code: 'ROOM' });

  const { exitCode, stderr } = await run('migrate', databases, '--skip-check', 'disk');
  expect(exitCode, stderr).toBe(0);
  expect(await queryValue(databases.target, 'SELECT count(*) FROM entry')).toBe('9');
});
