import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parseConnection, passwordFor } from '../../src/postgres/connection-string.js';
import { DEFAULT_SOCKET_FOLDER, whyUnused } from '../../src/postgres/passfile.js';

test('the first line that matches has the password', async () => {
  const file = await passfile('other:*:*:*:wrong\nh:5432:d:ann:first\nh:*:*:*:second\n');
  expect(passwordsOf('postgresql://ann@h/d', file)).toEqual(['first']);
  expect(passwordsOf('postgresql://ann@h:5433/d', file)).toEqual(['second']);
  expect(passwordsOf('postgresql://ann@elsewhere/d', file)).toEqual([undefined]);
});

test('each field is compared: host, port, database, user', async () => {
  for (const line of [
    'x:5432:d:ann:p',
    'h:1:d:ann:p',
    'h:5432:x:ann:p',
    'h:5432:d:x:p',
    'h:5432:d:an:p',
    'h:5432:d:anna:p',
  ]) {
    expect(passwordsOf('postgresql://ann@h/d', await passfile(line)), line).toEqual([undefined]);
  }
  expect(passwordsOf('postgresql://ann@h/d', await passfile('*:*:*:*:p'))).toEqual(['p']);
  // A star among other letters is one.
  expect(passwordsOf('postgresql://ann@h/d', await passfile('h*:*:*:*:p'))).toEqual([undefined]);
});

test('a backslash escapes a colon and a backslash, and an address may do without', async () => {
  const file = await passfile(
    [
      String.raw`h:*:a\:b\\c:*:p\:a\\ss\word`,
      String.raw`\:\:1:*:*:*:escaped`,
      '2001:db8::1:*:*:*:bare',
      'h:*:*:*:a:b',
    ].join('\n'),
  );
  expect(passwordsOf(String.raw`host=h user=ann dbname=a:b\\c`, file)).toEqual([String.raw`p:a\ssword`]);
  expect(passwordsOf('postgresql://ann@[::1],[2001:db8::1]/d', file)).toEqual(['escaped', 'bare']);
  // What follows a colon that is not escaped is no part of the password.
  expect(passwordsOf('postgresql://ann@h/d', file)).toEqual(['a']);
});

test('comments, blank lines and line ends of Windows are passed over', async () => {
  const file = await passfile('#h:*:*:*:commented\n\n \r\nh:*:*:*:p \r\n');
  expect(passwordsOf('postgresql://ann@h/d', file)).toEqual(['p ']);
});

test('localhost stands for the usual folder of a socket, and for no other', async () => {
  const file = await passfile('localhost:*:*:*:here\n/tmp/mine:*:*:*:there\n');
  expect(passwordsOf(`host=${DEFAULT_SOCKET_FOLDER} user=ann`, file)).toEqual(['here']);
  expect(passwordsOf('host=/tmp/mine user=ann', file)).toEqual(['there']);
  expect(passwordsOf('host=/tmp/others user=ann', file)).toEqual([undefined]);
});

test('hosts are looked for by their name, and by their address where they have none', async () => {
  const file = await passfile('one:*:*:*:named\n127.0.0.2:*:*:*:numbered\n');
  expect(passwordsOf('user=ann host=one,one, hostaddr=127.0.0.1,127.0.0.2,127.0.0.2', file)).toEqual([
    'named',
    'named',
    'numbered',
  ]);
});

test('a given password goes before the file’s, and an empty one does not', async () => {
  const file = await passfile('*:*:*:*:filed');
  expect(passwordsOf('postgresql://ann:given@h/d', file)).toEqual(['given']);
  expect(passwordsOf('postgresql://ann@h/d', file, { PGPASSWORD: 'outside' })).toEqual(['outside']);
  expect(passwordsOf(`host=h user=ann password=''`, file, { PGPASSWORD: 'outside' })).toEqual(['filed']);
});

test('PGPASSFILE and passfile name the file, and ~/.pgpass is it without them', async () => {
  const home = await folder();
  const named = await passfile('*:*:*:*:named');
  await writeFile(join(home, '.pgpass'), '*:*:*:*:at home', { mode: 0o600 });
  const passwords = (text: string, environment = {}) => {
    const connection = parseConnection(`host=h user=ann ${text}`, { HOME: home, ...environment });
    return connection.hosts.map((host) => passwordFor(connection, host));
  };
  expect(passwords('')).toEqual(['at home']);
  expect(passwords('', { PGPASSFILE: named })).toEqual(['named']);
  expect(passwords(`passfile=${named}`, { PGPASSFILE: '/nowhere' })).toEqual(['named']);
  expect(passwords('passfile=/nowhere')).toEqual([undefined]);
});

test('a file that others may read is not used, and neither is a folder', async () => {
  const file = await passfile('*:*:*:*:p');
  for (const mode of [0o640, 0o604, 0o610]) {
    await chmod(file, mode);
    expect(passwordsOf('postgresql://ann@h/d', file)).toEqual([undefined]);
    expect(whyUnused(file)).toMatch(/chmod 600/);
  }
  await chmod(file, 0o400);
  expect(passwordsOf('postgresql://ann@h/d', file)).toEqual(['p']);
  const directory = join(await folder(), 'directory');
  await mkdir(directory, { mode: 0o700 });
  expect(passwordsOf('postgresql://ann@h/d', directory)).toEqual([undefined]);
});

/** The password for each host of the connection. */
function passwordsOf(text: string, file: string, environment: Record<string, string> = {}) {
  const connection = parseConnection(text, { PGPASSFILE: file, ...environment });
  return connection.hosts.map((host) => passwordFor(connection, host));
}

async function passfile(text: string): Promise<string> {
  const file = join(await folder(), 'passwords');
  await writeFile(file, text, { mode: 0o600 });
  return file;
}

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'hyperferry-passfile-'));
  onTestFinished(() => rm(path, { recursive: true }));
  return path;
}
