import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { findPgDump, runClientProgram } from '../../src/postgres/client-programs.js';
import { parseConnection } from '../../src/postgres/connection-string.js';
import { Session } from '../../src/postgres/session.js';
import { apachePair } from '../integration/servers.js';

test('of several programs, the one nearest to the target is taken, and none older than the source', async () => {
  const { folders, pathOf } = await programsOf(14, 15, 16, 17);
  const before = process.env.PATH;
  process.env.PATH = folders.join(':');
  onTestFinished(() => {
    process.env.PATH = before;
  });
  expect(await findPgDump(undefined, 14, 16)).toEqual({ path: pathOf(16), major: 16 });
  expect(await findPgDump(undefined, 15, 15)).toEqual({ path: pathOf(15), major: 15 });
  expect(await findPgDump(undefined, 16, 14)).toEqual({ path: pathOf(16), major: 16 });
});

test('a folder that is named is the only one where is looked', async () => {
  const { folders } = await programsOf(14);
  await expect(findPgDump(folders[0], 17, 17)).rejects.toMatchObject({
    code: 'CLIENT_PROGRAM',
    message: expect.stringMatching(
      new RegExp(`found ${folders[0]}/pg_dump \\(14\\); looked in ${folders[0]}$`),
    ),
  });
});

test('a program gets no argument but those given, and the connection by its environment', async () => {
  const program = await programThat('echo "$@ $PGUSER $PGDATABASE $PGPASSWORD"; ls -A "$PGHOST"');
  const output = await runClientProgram(program, ['--one', 'two words'], await aSession());
  expect(output.toString()).toBe('--one two words postgres postgres \n.s.PGSQL.5432\n');
});

test('a program reads and writes through the connection of the session, which ends with it', async () => {
  const { source } = await apachePair();
  const psql = { path: join(source.binFolder, 'psql'), major: 17 };
  const session = await aSession();
  const { pid } = await session.one<{ pid: number }>('SELECT pg_catalog.pg_backend_pid() AS pid');
  const many =
    'SELECT pg_backend_pid(), length(string_agg(md5(n::text), $$$$)) FROM generate_series(1, 200000) AS n';
  const output = await runClientProgram(
    psql,
    ['-XAtq', '-c', many, '-c', "SELECT repeat('x', 5000000)"],
    session,
  );
  const [first, second] = output.toString().split('\n');
  expect(first).toBe(`${pid}|6400000`);
  expect(second).toHaveLength(5_000_000);
  await expect(session.query('SELECT 1')).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
});

test('what a program writes comes byte by byte', async () => {
  const program = await programThat(`printf '\\000\\377\\n\\r\\n'`);
  expect(await runClientProgram(program, [], await aSession())).toEqual(Buffer.from([0, 255, 10, 13, 10]));
});

test('a program that fails, and one that is not there, are errors that say so', async () => {
  const failing = await programThat('echo "no such thing" >&2; exit 3');
  await expect(runClientProgram(failing, [], await aSession())).rejects.toMatchObject({
    code: 'CLIENT_PROGRAM',
    message: expect.stringContaining('no such thing'),
  });
  const missing = { path: '/nowhere/pg_dump', major: 17 };
  await expect(runClientProgram(missing, [], await aSession())).rejects.toMatchObject({
    code: 'CLIENT_PROGRAM',
    message: expect.stringContaining('/nowhere/pg_dump'),
  });
});

test('an abort ends a program that runs', async () => {
  const program = await programThat('exec sleep 600');
  const controller = new AbortController();
  const run = runClientProgram(program, [], await aSession(), { signal: controller.signal });
  setTimeout(() => controller.abort(), 100);
  await expect(run).rejects.toMatchObject({ code: 'INTERRUPTED' });
});

test('a program gets no password, and nothing that leads to another database', async () => {
  const secrets = ['source', 'target', 'outside'].map((side) => ['made', 'up', 'for', side].join('-'));
  const [source, target, outside] = secrets;
  setEnvironment({
    SOURCE: `postgresql://ann:${source}@old/db`,
    TARGET: `postgresql://ann:${target}@new/db`,
    PGPASSWORD: outside,
    PGSERVICE: 'of-others',
    PGTZ: 'Asia/Kolkata',
    HYPERFERRY_ANYTHING: 'x',
    LC_TIME: 'C',
  });
  const program = await programThat('env');
  const output = await runClientProgram(program, [], await aSession());
  const lines = output.toString().split('\n');
  const names = lines.filter((line) => line.includes('=')).map((line) => line.slice(0, line.indexOf('=')));
  expect(names.filter((name) => /PG|SOURCE|TARGET|HYPER|LC_TIME/.test(name)).sort()).toEqual([
    ...['LC_TIME', 'PGDATABASE', 'PGGSSENCMODE', 'PGHOST', 'PGPORT', 'PGUSER'],
  ]);
  for (const secret of secrets) expect(output.toString()).not.toContain(secret);
});

test('a program that is asked for its version gets nothing of either side', async () => {
  const folder = await temporaryFolder();
  await writeProgram(join(folder, 'pg_dump'), `env > ${folder}/seen; echo "pg_dump (PostgreSQL) 17.3"`);
  const secret = ['made', 'up', 'secret'].join('-');
  setEnvironment({ SOURCE: `postgresql://ann:${secret}@old/db`, PGPASSWORD: secret });
  await findPgDump(folder, 17, 17);
  const seen = await readFile(join(folder, 'seen'), 'utf8');
  expect(seen).toContain('PATH=');
  expect(seen).not.toContain(secret);
});

async function aSession(): Promise<Session> {
  const session = await Session.open('source', parseConnection((await apachePair()).source.url, {}));
  onTestFinished(() => session.destroy());
  return session;
}

/** Sets variables of this process until the test ends. */
function setEnvironment(variables: Record<string, string | undefined>): void {
  const before = { ...process.env };
  Object.assign(process.env, variables);
  onTestFinished(() => {
    for (const name of Object.keys(variables)) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
  });
}

/** Folders with a `pg_dump` each, that says it is of this version. */
async function programsOf(...majors: number[]) {
  const root = await temporaryFolder();
  const folderOf = (major: number) => join(root, String(major));
  for (const major of majors) {
    await mkdir(folderOf(major));
    await writeProgram(join(folderOf(major), 'pg_dump'), `echo "pg_dump (PostgreSQL) ${major}.3 (Debian)"`);
  }
  return { folders: majors.map(folderOf), pathOf: (major: number) => join(folderOf(major), 'pg_dump') };
}

async function programThat(script: string) {
  const path = join(await temporaryFolder(), 'program');
  await writeProgram(path, script);
  return { path, major: 17 };
}

async function writeProgram(path: string, script: string): Promise<void> {
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
}

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'hyperferry-programs-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}
