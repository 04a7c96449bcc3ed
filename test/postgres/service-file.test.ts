import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parseConnection } from '../../src/postgres/connection-string.js';
import { HyperferryError } from '../../src/postgres/error.js';

const FILE = `
# host=commented
[other]
host=other.example.com

  [ferry]
host=db.example.com
port=6543
dbname=my tsdb
user=ann
password=is = here
  connect_timeout=3
port=1
[ferry]
host=second.example.com
`;

test('a service gives what the string leaves out, and goes before the environment', async () => {
  const PGSERVICEFILE = await file(FILE);
  const outside = {
    PGSERVICEFILE,
    PGHOST: 'outside',
    PGUSER: 'eve',
    PGPASSWORD: 'outside',
    PGSSLMODE: 'disable',
  };
  const service = {
    hosts: [{ host: 'db.example.com', port: 6543 }],
    database: 'my tsdb',
    user: 'ann',
    password: 'is = here',
    connectTimeout: 3000,
    sslMode: 'disable',
  };
  expect(parseConnection('service=ferry', outside)).toMatchObject(service);
  expect(parseConnection('postgresql://?service=ferry', outside)).toMatchObject(service);
  expect(parseConnection('host=given service=ferry port=7', outside)).toMatchObject({
    ...service,
    hosts: [{ host: 'given', port: 7 }],
  });
  expect(parseConnection('', { ...outside, PGSERVICE: 'ferry' })).toMatchObject(service);
  expect(parseConnection('service=other', { ...outside, PGSERVICE: 'ferry' })).toMatchObject({
    hosts: [{ host: 'other.example.com', port: 5432 }],
    user: 'eve',
  });
});

test('the file is the user’s, else the system’s', async () => {
  const home = await folder();
  const PGSYSCONFDIR = await folder();
  await writeFile(join(home, '.pg_service.conf'), '[mine]\nhost=mine\n[both]\nhost=mine\n');
  await writeFile(join(PGSYSCONFDIR, 'pg_service.conf'), '[ours]\nhost=ours\n[both]\nhost=ours\n');
  const hostOf = (service: string) =>
    parseConnection(`service=${service} user=ann`, { HOME: home, PGSYSCONFDIR }).hosts[0]?.host;
  expect(['mine', 'ours', 'both'].map(hostOf)).toEqual(['mine', 'ours', 'mine']);
});

test('a service that is nowhere is an error that names it and the files', async () => {
  const home = await folder();
  const environment = { HOME: home, PGSYSCONFDIR: home };
  expect(refusal('service=gone', environment)).toMatch(
    `expected a definition of service "gone", but there is none in ${home}/.pg_service.conf or ${home}/pg_service.conf`,
  );
  const PGSERVICEFILE = await file(FILE);
  expect(refusal('service=gone', { ...environment, PGSERVICEFILE })).toContain(`none in ${PGSERVICEFILE} or`);
  expect(refusal('service=ferry', { PGSERVICEFILE: '/nowhere/services' })).toContain(
    'cannot read the service file /nowhere/services',
  );
});

test('a line that libpq would not read is named, and not repeated', async () => {
  const secret = ['made', 'up', 'secret'].join('-');
  for (const [line, says] of [
    [secret, /expected name=value/],
    [`passwort=${secret}`, /invalid connection option "passwort"/],
    ['service=other', /cannot name another service/],
    ['ldap://example.com/x', /LDAP/],
  ] as const) {
    const path = await file(`[ferry]\nhost=h\n${line}\n`);
    const message = refusal('service=ferry', { PGSERVICEFILE: path });
    expect(message).toMatch(says);
    expect(message).toContain(`${path}, line 3`);
    expect(message).not.toContain(secret);
  }
});

function refusal(text: string, environment: Record<string, string>): string {
  try {
    parseConnection(text, environment);
  } catch (error) {
    expect(error).toBeInstanceOf(HyperferryError);
    expect(error).toMatchObject({ code: 'USAGE', hint: expect.any(String) });
    return (error as Error).message;
  }
  throw new Error('expected a refusal');
}

async function file(text: string): Promise<string> {
  const path = join(await folder(), 'services');
  await writeFile(path, text);
  return path;
}

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'hyperferry-service-'));
  onTestFinished(() => rm(path, { recursive: true }));
  return path;
}
