import { expect, test } from 'vitest';
import { freePort } from '../../sandbox/server/free-port.js';
import { type HyperferryError, verify } from '../../src/index.js';
import { hyperferry } from '../cli/command-line.js';
import { apachePair } from '../integration/servers.js';
import { queryValue } from '../integration/sql.js';
import { passwordServer } from './password-server.js';
import { altered, makeReadings } from './readings.js';
import { expectError, expectRefusal, failureOf } from './refusal.js';

test('a server that does not listen is named, on either side', async () => {
  const databases = await makeReadings(await apachePair(), 'bad_unreachable');
  const nowhere = altered(databases.source, { port: String(await freePort()) });
  const { port } = new URL(nowhere);
  for (const side of ['source', 'target'] as const) {
    await expectRefusal(
      databases,
      {
        code: 'CONNECT',
        says: [`cannot connect to the ${side}`, `127.0.0.1:${port}/bad_unreachable`, 'ECONNREFUSED'],
        advises: `pg_isready -h 127.0.0.1 -p ${port}`,
      },
      { [side]: nowhere },
    );
  }
});

test('a host name that does not exist is named', async () => {
  const { target } = await makeReadings(await apachePair(), 'bad_host');
  const error = await failureOf({ source: 'postgresql://someone@no-such-host.invalid/db', target });
  expectError(error, {
    code: 'CONNECT',
    says: ['cannot connect to the source', 'no-such-host.invalid'],
    advises: 'pg_isready -h no-such-host.invalid',
  });
});

test('an unreachable server makes the command line exit with 1 and print the hint', async () => {
  const { target } = await makeReadings(await apachePair(), 'bad_unreachable_cli');
  const source = altered(target, { port: String(await freePort()) });
  const { exitCode, stdout, stderr } = await hyperferry(['migrate', '--source', source, '--target', target]);
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
  expect(stderr).toMatch(/^error: cannot connect to the source/m);
  expect(stderr).toMatch(/^ +hint: .*pg_isready/m);
  expect(stderr, 'no stack trace').not.toMatch(/^ +at /m);
});

test('a wrong password is refused on either side, and stands nowhere in the error', async () => {
  const { url, role } = await passwordServer();
  const wrong = ['not', 'the', 'right', 'one'].join('-');
  const databases = await makeReadings(await apachePair(), 'bad_password');
  for (const side of ['source', 'target'] as const) {
    await expectRefusal(
      databases,
      {
        code: 'CONNECT',
        says: [`cannot connect to the ${side} ${role}@`, `password authentication failed for user "${role}"`],
        advises: `the password of the ${side}`,
      },
      { [side]: altered(url, { username: role, password: wrong }) },
    );
    const error = await failureOf({
      ...databases,
      [side]: altered(url, { username: role, password: wrong }),
    });
    expect(JSON.stringify({ ...error, message: error.message, stack: error.stack })).not.toContain(wrong);
  }
});

test('a password that is missing is asked for in the hint, not on the terminal', async () => {
  const { url, role } = await passwordServer();
  const { target } = await makeReadings(await apachePair(), 'bad_no_password');
  const error = await failureOf({ source: altered(url, { username: role, password: '' }), target });
  expectError(error, { code: 'CONNECT', says: ['cannot connect to the source'], advises: 'password' });
});

test('a wrong password stands nowhere in what the command line prints', async () => {
  const { url, role } = await passwordServer();
  const wrong = ['also', 'not', 'the', 'right', 'one'].join('-');
  const source = altered(url, { username: role, password: wrong });
  for (const format of ['text', 'json']) {
    const { exitCode, stdout, stderr } = await hyperferry(
      ['migrate', '--target', altered(url, { pathname: '/template1' }), '--log-format', format, '--json'],
      { SOURCE: source },
    );
    expect(exitCode).toBe(1);
    expect(stderr).toContain('password authentication failed');
    expect(stdout + stderr).not.toContain(wrong);
  }
});

test('a database that does not exist is named, with what makes one on the target', async () => {
  const databases = await makeReadings(await apachePair(), 'bad_no_database');
  await expectRefusal(
    databases,
    {
      code: 'CONNECT',
      says: ['cannot connect to the source', 'database "nowhere" does not exist'],
      advises: 'psql -l',
    },
    { source: altered(databases.source, { pathname: '/nowhere' }) },
  );
  await expectRefusal(
    databases,
    {
      code: 'CONNECT',
      says: ['cannot connect to the target', 'database "nowhere" does not exist'],
      advises: 'CREATE DATABASE "nowhere"',
    },
    { target: altered(databases.target, { pathname: '/nowhere' }) },
  );
  const made = `SELECT count(*) FROM pg_database WHERE datname = 'nowhere'`;
  expect(await queryValue(databases.target, made)).toBe('0');
});

test('a server that refuses the settings of a session, or a statement of a comparison, is told by its side', async () => {
  const databases = await makeReadings(
    await apachePair(),
    'bad_settings',
    `CREATE ROLE bad_settings_stranger LOGIN; CREATE SEQUENCE hidden;
     GRANT SELECT ON ALL TABLES IN SCHEMA public, _timescaledb_internal TO bad_settings_stranger;
     CREATE ROLE bad_settings_bound LOGIN; ALTER ROLE bad_settings_bound SET session_replication_role = replica;`,
  );
  const asked = (username: string) =>
    verify({ ...databases, source: altered(databases.source, { username }) }).catch(
      (error: HyperferryError) => error,
    );
  expectError((await asked('bad_settings_bound')) as HyperferryError, {
    code: 'CONNECT',
    says: [/^the source refused the settings of a new session: permission denied to set parameter/],
    advises: '',
  });
  expectError((await asked('bad_settings_stranger')) as HyperferryError, {
    code: 'PRIVILEGE',
    says: [/^the source refused a statement: permission denied for sequence hidden/],
    advises: 'Connect to the source as a role that may',
  });
});
