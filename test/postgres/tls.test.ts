import { chmod, copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Server } from '../../sandbox/index.js';
import { serverAccount } from '../../sandbox/server/server-account.js';
import { findPgDump, runClientProgram } from '../../src/postgres/client-programs.js';
import { parseConnection } from '../../src/postgres/connection-string.js';
import { Session } from '../../src/postgres/session.js';
import { startExtraServer } from '../integration/servers.js';
import { query, queryValue } from '../integration/sql.js';
import { type BothWays, bothWays } from './both-ways.js';
import { hasOpenssl, KEY_PASSWORD, makeCertificates, SERVER_NAME } from './certificates.js';

/** A role for each way to be let in. */
const ACCESS = `
host      all postgres,anyone 127.0.0.1/32 trust
hostnossl all plainly         127.0.0.1/32 trust
hostssl   all encrypted       127.0.0.1/32 trust
hostssl   all certified       127.0.0.1/32 cert
host      all scram           127.0.0.1/32 scram-sha-256
host      all clear           127.0.0.1/32 password
`;
const PASSWORD = ['made', 'up', 'for', 'tls'].join('-');

let files: string;
let server: Server;
const file = (name: string) => join(files, name);

describe.skipIf(!hasOpenssl)(`TLS${hasOpenssl ? '' : ' (skipped: this machine has no openssl)'}`, () => {
  beforeAll(async () => {
    files = await mkdtemp(join(tmpdir(), 'hyperferry-tls-'));
    await mkdir(file('home'));
    [server] = await Promise.all([
      startExtraServer('tls', { settings: { max_worker_processes: '16' } }),
      makeCertificates(files, 'certified'),
    ]);
    await turnOnTls(server);
  });
  afterAll(() => rm(files, { recursive: true }));

  test('is not asked for with disable, asked for with prefer and the rest, and with allow only if needed', async () => {
    for (const [mode, how] of Object.entries({
      disable: /plain$/,
      allow: /plain$/,
      prefer: /TLSv1/,
      require: /TLSv1/,
    })) {
      await expectAlike(await connect(`sslmode=${mode} user=anyone`), how);
    }
    await expectAlike(await connect('user=anyone'), /TLSv1/);
    await expectAlike(await connect('sslmode=allow user=encrypted'), /TLSv1/);
    await expectAlike(await connect('sslmode=prefer user=plainly'), /plain$/);
    await expectRefused(await connect('sslmode=require user=plainly'), /no pg_hba.conf entry/);
    await expectRefused(await connect('sslmode=disable user=encrypted'), /no pg_hba.conf entry/);
    // The same reason, with encryption and without, is said once.
    const twice = await connect('user=scram password=wrong');
    await expectRefused(
      twice,
      /^refused: [^;]*password authentication failed[^;]*$/,
      /password of the source/,
    );
    const other = await connect(`user=encrypted sslrootcert=${file('other.crt')}`);
    await expectRefused(other, /vouches for.*; no pg_hba.conf entry .*no encryption/, /sslrootcert=FILE/);
  });

  test('is with a certificate that a root vouches for: verify-ca, and any mode that finds a root', async () => {
    const root = `sslrootcert=${file('root.crt')}`;
    const other = `sslrootcert=${file('other.crt')}`;
    for (const mode of ['require', 'verify-ca', 'verify-full']) {
      await expectAlike(await connect(`sslmode=${mode} user=anyone ${root}`), /TLSv1/);
      await expectRefused(
        await connect(`sslmode=${mode} user=anyone ${other}`),
        new RegExp(`expected a certificate that ${file('other.crt')} vouches for.*by CN=Authority of tests`),
        /sslrootcert=FILE/,
      );
    }
    // As libpq does: prefer takes what is less, and says so to nobody.
    await expectAlike(await connect(`sslmode=prefer user=anyone ${other}`), /plain$/);
    await expectAlike(await connect(`sslmode=require user=anyone sslrootcert=${file('none.crt')}`), /TLSv1/);
  });

  test('with a root in the default place is with that root, whether it is named or not', async () => {
    const home = await homeWith({ 'root.crt': 'other.crt' });
    await expectRefused(await connect('sslmode=require user=anyone', { HOME: home }), /vouches for/);
    const good = await homeWith({ 'root.crt': 'root.crt' });
    await expectAlike(await connect('sslmode=verify-ca user=anyone', { HOME: good }), /TLSv1/);
  });

  test('without the root that verification needs is an error that names the file', async () => {
    for (const mode of ['verify-ca', 'verify-full']) {
      await expectRefused(
        await connect(`sslmode=${mode} user=anyone`),
        new RegExp(
          `expected the root certificate in ${file('home')}/.postgresql/root.crt, which sslmode=${mode} needs`,
        ),
        /sslrootcert=system/,
      );
    }
  });

  test('with verify-full compares the host, its name or its address, with the certificate', async () => {
    const full = `sslmode=verify-full user=anyone sslrootcert=${file('root.crt')}`;
    await expectAlike(await connect(`${full} host=127.0.0.1`), /TLSv1/);
    await expectAlike(await connect(`${full} host=${SERVER_NAME} hostaddr=127.0.0.1`), /TLSv1/);
    await expectAlike(await connect(`${full} host=one.wild.test hostaddr=127.0.0.1`), /TLSv1/);
    for (const host of ['localhost', 'two.one.wild.test', 'b.test', '127.0.0.2']) {
      await expectRefused(
        await connect(`${full} host=${host} hostaddr=127.0.0.1`),
        new RegExp(
          `expected a certificate for ${host} .*is for DNS:db.test, DNS:\\*.wild.test, IP Address:127.0.0.1`,
        ),
        /hostaddr=ADDRESS.*sslmode=verify-ca/,
      );
    }
    await expectAlike(await connect(`${full.replace('full', 'ca')} host=localhost`), /TLSv1/);
  });

  test('with sslrootcert=system verifies in full by what the machine trusts', async () => {
    const before = process.env.SSL_CERT_FILE;
    onTestFinished(() => {
      if (before === undefined) delete process.env.SSL_CERT_FILE;
      else process.env.SSL_CERT_FILE = before;
    });
    process.env.SSL_CERT_FILE = file('root.crt');
    await expectAlike(await connect('sslrootcert=system user=anyone'), /TLSv1/);
    await expectRefused(
      await connect('sslrootcert=system user=anyone host=localhost'),
      /expected a certificate for localhost/,
    );
    process.env.SSL_CERT_FILE = file('other.crt');
    await expectRefused(await connect('sslrootcert=system user=anyone'), /vouches for/);
  });

  test('refuses a certificate that was revoked', async () => {
    const ca = `sslmode=verify-ca user=anyone sslrootcert=${file('root.crt')}`;
    await expectRefused(await connect(`${ca} sslcrl=${file('revoked.crl')}`), /CERT_REVOKED/);
    await expectAlike(await connect(`${ca} sslcrl=${file('none.crl')}`), /TLSv1/);
  });

  test('keeps to the versions that are asked for', async () => {
    const encrypted = 'sslmode=require user=anyone';
    await expectAlike(await connect(`${encrypted} ssl_max_protocol_version=TLSv1.2`), /TLSv1.2$/);
    await expectAlike(await connect(`${encrypted} ssl_min_protocol_version=tlsv1.3`), /TLSv1.3$/);
    await expectRefused(
      await connect(`${encrypted} ssl_max_protocol_version=TLSv1.1 ssl_min_protocol_version=TLSv1`),
      /TLS was not agreed upon/,
    );
  });

  test('without asking first is spoken where the server knows that', async () => {
    await expectAlike(await connect('sslmode=require sslnegotiation=direct user=anyone'), /TLSv1/);
  });

  test('shows the client’s certificate where the server demands one', async () => {
    const certified = 'sslmode=require user=certified';
    const certificate = `sslcert=${file('client.crt')}`;
    await expectAlike(await connect(`${certified} ${certificate} sslkey=${file('client.key')}`), /TLSv1/);
    await expectRefused(await connect(certified), /requires a valid client certificate/);
    await expectRefused(
      await connect(`${certified} ${certificate} sslkey=${file('client.key')} sslcertmode=disable`),
      /requires a valid client certificate/,
    );
    const home = await homeWith({ 'postgresql.crt': 'client.crt', 'postgresql.key': 'client.key' });
    await expectAlike(await connect(certified, { HOME: home }), /TLSv1/);
  });

  test('opens an encrypted key with sslpassword, and a program uses what it opened', async () => {
    const locked = `sslmode=require user=certified sslcert=${file('client.crt')} sslkey=${file('locked.key')}`;
    await expectAlike(await connect(`${locked} sslpassword=${KEY_PASSWORD}`), /TLSv1/);
    const connection = parseConnection(
      `${locked} sslpassword=${KEY_PASSWORD} host=127.0.0.1 port=${server.port} dbname=postgres`,
      {},
    );
    const pgDump = await findPgDump(server.binFolder, 17, 17);
    const dump = await runClientProgram(
      pgDump,
      ['--schema-only', '--no-password'],
      await Session.open('source', connection),
    );
    expect(dump.toString()).toContain('PostgreSQL database dump complete');

    const wrong = ['some', 'other', 'word'].join('-');
    const refused = await connect(`${locked} sslpassword=${wrong}`);
    await expectRefused(refused, /cannot open the private key .*locked.key/, /sslpassword/);
    expect(JSON.stringify(refused)).not.toContain(wrong);
    await expectRefused(await connect(locked), /cannot open the private key .*locked.key/, /sslpassword/);
  });

  test('does not use a key that others can read, nor one that is missing', async () => {
    const open = file('open.key');
    await copyFile(file('client.key'), open);
    await chmod(open, 0o644);
    const certified = `sslmode=require user=certified sslcert=${file('client.crt')}`;
    await expectRefused(
      await connect(`${certified} sslkey=${open}`),
      new RegExp(`expected the private key ${open} to be a file that only its owner can read`),
      /chmod 600/,
    );
    await expectRefused(
      await connect(`${certified} sslkey=${file('none.key')}`),
      /expected the private key of .*none.key/,
    );
  });

  test('binds the login to the connection where that is demanded, and to be had', async () => {
    const scram = `user=scram password=${PASSWORD}`;
    await expectAlike(await connect(`${scram} sslmode=require channel_binding=require`), /TLSv1/);
    await expectAlike(await connect(`${scram} sslmode=require channel_binding=disable`), /TLSv1/);
    await expectAlike(await connect(`${scram} sslmode=require`), /TLSv1/);
    const unbound = await connect(`${scram} sslmode=disable channel_binding=require`);
    await expectRefused(
      unbound,
      /expected channel_binding=require, but the server authenticates by scram-sha-256/,
    );
    await expectRefused(
      await connect('user=anyone sslmode=require channel_binding=require'),
      /expected channel_binding=require, but the server authenticates by none/,
    );
  });

  test('or not: require_auth sends no password by a way that it excludes', async () => {
    const clear = `user=clear password=${PASSWORD}`;
    await expectAlike(await connect(`${clear} require_auth=password,md5`), /TLSv1/);
    await expectAlike(await connect(`${clear} require_auth=!md5`), /TLSv1/);
    for (const methods of ['scram-sha-256', '!password', 'none']) {
      await expectRefused(await connect(`${clear} require_auth=${methods}`), /authenticates by password/);
    }
    await expectRefused(await connect('user=anyone require_auth=!none'), /authenticates by none/);
    await expectAlike(await connect('user=anyone require_auth=none'), /TLSv1/);
  });

  test('that the server does not offer is an error where it is needed, and none where it is not', async () => {
    await query(server.url, 'ALTER SYSTEM SET ssl = off');
    await reloaded('off');
    for (const mode of ['require', 'verify-ca', 'verify-full']) {
      await expectRefused(
        await connect(`sslmode=${mode} user=anyone sslrootcert=${file('root.crt')}`),
        new RegExp(
          `expected an encrypted connection \\(sslmode=${mode}\\), but the server does not offer TLS`,
        ),
        /ssl = on/,
      );
    }
    for (const mode of ['allow', 'prefer']) {
      await expectAlike(await connect(`sslmode=${mode} user=anyone`), /plain$/);
    }
    await expectRefused(await connect('sslmode=prefer user=encrypted'), /no pg_hba.conf entry/);
  });
});

test('what would weaken TLS without a word is wrong usage', () => {
  for (const text of [
    'sslrootcert=system sslmode=require',
    'sslmode=prefer sslnegotiation=direct',
    'sslmode=verify-full hostaddr=127.0.0.1',
    'ssl_min_protocol_version=TLSv1.3 ssl_max_protocol_version=TLSv1.2',
    'ssl_min_protocol_version=SSLv3',
    'sslcertmode=require',
    'gssencmode=require',
    'requirepeer=postgres',
  ]) {
    expect(() => parseConnection(text, {}), text).toThrow(expect.objectContaining({ code: 'USAGE' }));
  }
  expect(() => parseConnection('host=h', { PGSSLMODE: 'verify_full' })).toThrow(/sslmode must be one of/);
  expect(() => parseConnection('host=h', { PGSSLMODE: '' })).toThrow(/sslmode must be one of/);
  expect(parseConnection('sslrootcert=system', {}).sslMode).toBe('verify-full');
  expect(parseConnection('host=h', { PGREQUIRESSL: '1' }).sslMode).toBe('require');
});

function connect(text: string, environment: Record<string, string> = {}): Promise<BothWays> {
  const host = /\bhost=/.test(text) ? '' : 'host=127.0.0.1 ';
  return bothWays(server, `${host}${text} port=${server.port} dbname=postgres`, {
    HOME: file('home'),
    ...environment,
  });
}

async function expectAlike({ session, program }: BothWays, how: RegExp): Promise<void> {
  expect({ session, program }).toEqual({ session: expect.stringMatching(how), program: session });
}

async function expectRefused(
  { session, program, hint }: BothWays,
  says: RegExp,
  advises = /./,
): Promise<void> {
  expect(session).toMatch(/^refused: cannot connect to the source/);
  expect(session).toMatch(says);
  expect(hint).toMatch(advises);
  expect(program).toMatch(/^refused: /);
}

/** A home folder with these of libpq's files, copies of those that were made. */
async function homeWith(copies: Record<string, string>): Promise<string> {
  const home = await mkdtemp(file('home-'));
  await mkdir(join(home, '.postgresql'));
  for (const [name, original] of Object.entries(copies)) {
    await copyFile(file(original), join(home, '.postgresql', name));
    await chmod(join(home, '.postgresql', name), 0o600);
  }
  return home;
}

async function turnOnTls({ url, dataFolder, binFolder }: Server): Promise<void> {
  const account = await serverAccount(binFolder, dataFolder);
  for (const name of ['root.crt', 'server.crt', 'server.key']) {
    await copyFile(file(name), join(dataFolder, name));
    await chmod(join(dataFolder, name), 0o600);
    await account.own(join(dataFolder, name));
  }
  for (const role of ['anyone', 'plainly', 'encrypted', 'certified'])
    await query(url, `CREATE ROLE ${role} LOGIN`);
  for (const role of ['scram', 'clear']) await query(url, `CREATE ROLE ${role} LOGIN PASSWORD '${PASSWORD}'`);
  await writeFile(join(dataFolder, 'pg_hba.conf'), ACCESS);
  await query(url, `ALTER SYSTEM SET ssl_ca_file = 'root.crt'`);
  await query(url, 'ALTER SYSTEM SET ssl = on');
  await reloaded('on');
}

async function reloaded(ssl: string): Promise<void> {
  await query(server.url, 'SELECT pg_reload_conf()');
  await vi.waitFor(async () => expect(await queryValue(server.url, 'SHOW ssl')).toBe(ssl), {
    timeout: 10_000,
  });
}
