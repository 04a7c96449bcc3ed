import { readdirSync, readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../archive/dumped.js';
import { passwordServer } from '../bad-input/password-server.js';
import { expectEventually } from '../bad-input/processes.js';
import { altered, makeReadings } from '../bad-input/readings.js';
import { SLOW_TABLE } from '../bad-input/slow-table.js';
import { apachePair } from '../integration/servers.js';
import { query, queryValue, runScript } from '../integration/sql.js';
import { hyperferry, startHyperferry } from './command-line.js';

const storedOf = (role: string) => `SELECT rolpassword FROM pg_authid WHERE rolname = '${role}'`;

test('--role-passwords carries the stored form of a password, and prints it nowhere', async () => {
  const secret = ['made', 'up', 'by', 'a', 'test'].join('-');
  const { outcome, stored, carried } = await migrated('cli_passwords', secret, ['--role-passwords']);
  expect(stored).toMatch(/^SCRAM-SHA-256\$/);
  expect(carried).toBe(stored);
  expect(outcome).not.toContain(secret);
  expect(outcome).not.toContain('SCRAM-SHA-256');
});

test('without it, the role comes without a password, and the summary says so', async () => {
  const secret = ['made', 'up', 'by', 'another', 'test'].join('-');
  const { outcome, stored, carried } = await migrated('cli_no_passwords', secret, []);
  expect(stored).toMatch(/^SCRAM-SHA-256\$/);
  expect(carried).toBeNull();
  expect(outcome).toMatch(/password of role cli_no_passwords_login.*--role-passwords/);
});

test('the passwords of both servers are in no argument, no output and no table', async () => {
  const { url, programs, role, password } = await passwordServer();
  const databases = await makeReadings(await apachePair(), 'cli_secrets', SLOW_TABLE);
  await runScript(
    programs,
    databases.source,
    // Enough to dump that pg_dump is seen at work.
    `DELETE FROM slow WHERE a > 20;
     DO $$ BEGIN FOR n IN 1..300 LOOP EXECUTE format('CREATE TABLE many_%s (a int PRIMARY KEY)', n); END LOOP; END $$;`,
  );
  await query(url, 'CREATE DATABASE cli_secrets TEMPLATE template0');
  const target = altered(url, { pathname: '/cli_secrets', username: role, password });

  await expectNoPasswordShown(
    ['migrate', '--jobs', '2', '--pg-bin', programs, '--json'],
    { SOURCE: databases.source, TARGET: target },
    { password, program: 'pg_dump' },
  );

  // The other way about, the server with passwords is the source, and pg_dump is what needs one.
  await query(altered(databases.target, { pathname: '/postgres' }), 'CREATE DATABASE cli_secrets_back');
  const back = await hyperferry(['migrate', '--log-format', 'json', '--json', '--pg-bin', programs], {
    SOURCE: target,
    TARGET: altered(databases.target, { pathname: '/cli_secrets_back' }),
  });
  expect(back.exitCode, back.stderr).toBe(0);
  expect(back.stdout + back.stderr).not.toContain(password);
});

test('the passwords of both servers are in no argument, no output and no file of a dump and its restore', async () => {
  const { url, programs, role, password } = await passwordServer();
  const [source, target] = ['cli_dump', 'cli_restore'].map((name) =>
    altered(url, { pathname: `/${name}`, username: role, password }),
  ) as [string, string];
  for (const name of ['cli_dump', 'cli_restore'])
    await query(url, `CREATE DATABASE ${name} TEMPLATE template0`);
  // Enough to dump that pg_dump is seen at work.
  await runScript(
    programs,
    source,
    `CREATE EXTENSION timescaledb;
     DO $$ BEGIN FOR n IN 1..300 LOOP EXECUTE format('CREATE TABLE many_%s (a int PRIMARY KEY)', n); END LOOP; END $$;`,
  );
  const folder = await temporaryFolder();
  for (const [format, out] of [
    ['archive', join(folder, 'archive')],
    ['plain', join(folder, 'plain')],
  ] as const) {
    await expectNoPasswordShown(
      ['dump', '--out', out, '--format', format, '--pg-bin', programs, '--json', '--log-format', 'json'],
      { SOURCE: source },
      { password, program: format === 'plain' ? 'pg_restore' : 'pg_dump' },
    );
    for (const name of await readdir(out)) {
      const bytes = await readFile(join(out, name));
      const text = (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('latin1');
      for (const secret of [password, 'SCRAM-SHA-256$']) expect(text.includes(secret), name).toBe(false);
    }
  }
  await expectNoPasswordShown(
    ['restore', '--from', join(folder, 'archive'), '--processes', '2', '--jobs', '2', '--json'],
    { TARGET: target },
    { password, program: 'restore' },
  );
});

test('no password is in the ledger, nor in what status and a worker print', async () => {
  const { url, programs, role, password } = await passwordServer();
  const databases = await makeReadings(await apachePair(), 'cli_ledger', SLOW_TABLE);
  await query(url, 'CREATE DATABASE cli_ledger TEMPLATE template0');
  const source = altered(url, { pathname: '/cli_ledger', username: role, password });
  const ofAnotherServer = ['made', 'up', 'for', 'a', 'foreign', 'server'].join('-');
  await runScript(
    programs,
    altered(url, { pathname: '/cli_ledger' }),
    `${SLOW_TABLE}
     CREATE EXTENSION postgres_fdw;
     CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'elsewhere.invalid');
     CREATE USER MAPPING FOR PUBLIC SERVER elsewhere OPTIONS (user 'me', password '${ofAnotherServer}');`,
  );
  const environment = { SOURCE: source, TARGET: databases.target };
  const run = startHyperferry(['migrate', '--pg-bin', programs, '--jobs', '1'], environment);
  const stage = () => queryValue(databases.target, 'SELECT stage FROM _hyperferry.run').catch(() => 'none');
  await expectEventually(stage, 'rows and indexes', 'stage of the run', 60);
  const worker = startHyperferry(['worker', '--log-format', 'json'], environment);
  const withoutPassword = await hyperferry(['worker'], { TARGET: databases.target });
  expect(withoutPassword.exitCode).toBe(1);
  expect(withoutPassword.stderr).toMatch(/asks for a password, and none was given/);
  const shown = await hyperferry(['status', '--json'], environment);
  expect(shown.stdout).toContain('"under way"');
  run.kill('SIGKILL');
  const ended = await run;
  worker.kill('SIGINT');
  const helped = await worker;

  const { stdout: ledger } = await execa(join(programs, 'pg_dump'), [
    '--schema=_hyperferry',
    databases.target,
  ]);
  expect(ledger).toContain(`user='${role}'`);
  expect(ledger).toContain('USER MAPPING');
  const all = [ledger, shown.stdout, withoutPassword.stderr, ended.stderr, helped.stderr].join('\n');
  for (const secret of [password, ofAnotherServer]) expect(all).not.toContain(secret);
});

async function expectNoPasswordShown(
  command: readonly string[],
  environment: Record<string, string>,
  { password, program }: { readonly password: string; readonly program: string },
): Promise<void> {
  const run = startHyperferry(command, environment);
  const seen = new Set<string>();
  const sampling = sampleArguments(seen, run);
  const { exitCode, stdout, stderr } = await run;
  await sampling;
  expect(exitCode, stderr).toBe(0);
  expect([...seen].some((line) => line.includes(program))).toBe(true);
  expect([...seen].filter((line) => line.includes(password))).toEqual([]);
  expect(stdout + stderr).not.toContain(password);
}

async function migrated(name: string, password: string, flags: string[]) {
  const role = `${name}_login`;
  const databases = await makeReadings(
    await apachePair(),
    name,
    `CREATE ROLE ${role} LOGIN PASSWORD '${password}';`,
  );
  // Not the servers that tests share: another migration there would bring the role before.
  const own = await passwordServer();
  await query(own.url, `CREATE DATABASE ${name} TEMPLATE template0`);
  const target = altered(own.url, { pathname: `/${name}`, username: own.role, password: own.password });
  const { exitCode, stdout, stderr } = await hyperferry(
    ['migrate', '--json', '--pg-bin', databases.programs, ...flags],
    { SOURCE: databases.source, TARGET: target },
  );
  expect(exitCode, stderr).toBe(0);
  return {
    outcome: stdout + stderr,
    stored: await queryValue(databases.source, storedOf(role)),
    carried: await queryValue(target, storedOf(role)),
  };
}

/** Collects the arguments of every process of this machine until the run has ended. */
async function sampleArguments(seen: Set<string>, run: PromiseLike<unknown>): Promise<void> {
  let isOver = false;
  void run.then(() => {
    isOver = true;
  });
  while (!isOver) {
    // At once: a program that runs for a tenth of a second must not end between two processes that are looked at.
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) seen.add(argumentsOf(pid));
    await sleep(5);
  }
}

function argumentsOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return ''; // it has ended meanwhile
  }
}
