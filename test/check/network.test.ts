import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { serverAccount } from '../../sandbox/server/server-account.js';
import { makeDatabases } from '../integration/databases.js';
import { type Pair, startExtraServer } from '../integration/servers.js';
import { query, queryValue } from '../integration/sql.js';
import { expectFires, expectSilent } from './findings.js';
import { altered, checkPair } from './pair.js';

/** An address that leads to this machine, and does not say so. */
const SOMEWHERE = '0.0.0.0';

const hasOpenssl = await execa('openssl', ['version'], { reject: false }).then(({ failed }) => !failed);

test('tls warns of a target on another machine, and not of one on this', async () => {
  const databases = await makeDatabases(await checkPair(), 'check_tls', '');
  await expectSilent(databases, 'tls');
  await expectSilent({ ...databases, target: altered(databases.target, { hostname: 'localhost' }) }, 'tls');
  await expectFires(
    { ...databases, target: altered(databases.target, { hostname: SOMEWHERE }) },
    { id: 'tls', severity: 'warning', objects: [SOMEWHERE] },
  );
});

test.skipIf(!hasOpenssl)(
  `tls is silent about an encrypted connection, however far${hasOpenssl ? '' : ' (skipped: this machine has no openssl)'}`,
  async () => {
    const { source } = await checkPair();
    const databases = await makeDatabases(await encryptedTarget(source), 'check_encrypted', '');
    const target = altered(databases.target, { hostname: SOMEWHERE });
    await expectSilent({ ...databases, target: `${target}?sslmode=require` }, 'tls');
    await expectFires(
      { ...databases, target: `${target}?sslmode=disable` },
      { id: 'tls', severity: 'warning' },
    );
  },
);

test('estimate says how long the rows take, and on what it is based', async () => {
  const databases = await makeDatabases(
    await checkPair(),
    'check_estimate',
    `CREATE TABLE reading AS SELECT n, repeat('x', 900) AS what FROM generate_series(1, 20000) AS n;`,
  );
  const size = await queryValue(databases.source, `SELECT pg_relation_size('reading') / 1e6`);
  const { found, why } = await expectFires(databases, { id: 'estimate', severity: 'note' });
  const [, seconds, megabytes, rate] = /^about (\d+) s for (\d+) MB of rows at (\d+) MB\/s/.exec(found) ?? [];
  expect(megabytes).toBe(Number(size).toFixed(0));
  expect(Number(seconds)).toBeGreaterThanOrEqual(1);
  expect(Number(rate), 'at most 60 MB/s a job').toBeLessThanOrEqual(120);
  expect(found).toMatch(/from the source \d+ MB\/s, [\d.]+ ms; to the target \d+ MB\/s, [\d.]+ ms/);
  expect(why).toContain('60 MB/s a job');
});

test('estimate counts no time for an empty database', async () => {
  const databases = await makeDatabases(await checkPair(), 'check_estimate_empty', '');
  await expectFires(databases, { id: 'estimate', severity: 'note', says: /^about 0 s for 0 MB/ });
});

/** A target that offers TLS, with a certificate made on the spot. */
async function encryptedTarget(source: Pair['source']): Promise<Pair> {
  const target = await startExtraServer('check-encrypted', { settings: { max_worker_processes: '16' } });
  const [key, certificate] = ['server.key', 'server.crt'].map((name) => join(target.dataFolder, name));
  if (!key || !certificate) throw new Error('expected two files');
  const request = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=localhost', '-days', '2'];
  const { stdout } = await execa('openssl', ['req', ...request, '-keyout', '-']);
  const account = await serverAccount(target.binFolder, target.dataFolder);
  for (const file of [key, certificate]) {
    await writeFile(file, stdout, { mode: 0o600 });
    await account.own(file);
  }
  await query(target.url, 'ALTER SYSTEM SET ssl = on');
  await query(target.url, 'SELECT pg_reload_conf()');
  await expect.poll(() => queryValue(target.url, 'SHOW ssl')).toBe('on');
  return { source, target };
}
