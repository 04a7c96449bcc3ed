import { expect, test } from 'vitest';
import { makeDatabases } from '../integration/databases.js';
import { query } from '../integration/sql.js';
import { expectFires, expectSilent } from './findings.js';
import { altered, checkPair } from './pair.js';

test('encoding and collation say nothing of two databases that are made alike', async () => {
  const databases = await makeDatabases(await checkPair(), 'check_alike', '');
  await expectSilent(databases, 'encoding');
  await expectSilent(databases, 'collation');
});

test('encoding names both encodings, and a target made as it says makes it silent', async () => {
  const pair = await checkPair();
  const databases = await makeDatabases(pair, 'check_latin', '', { source: 'LATIN1' });
  const { mend } = await expectFires(databases, {
    id: 'encoding',
    severity: 'warning',
    objects: ['LATIN1', 'UTF8'],
    says: /source is encoded in LATIN1, the target in UTF8/,
  });
  const [create = ''] = mend.split(';');
  await query(pair.target.url, create.replace('…', 'check_latin_again'));
  const target = altered(pair.target.url, { pathname: '/check_latin_again' });
  await expectSilent({ ...databases, target }, 'encoding');
});

test('encoding tells SQL_ASCII from a true encoding', async () => {
  const databases = await makeDatabases(await checkPair(), 'check_bytes', '', { source: 'SQL_ASCII' });
  const { why } = await expectFires(databases, {
    id: 'encoding',
    severity: 'warning',
    objects: ['SQL_ASCII', 'UTF8'],
  });
  expect(why).toContain('SQL_ASCII');
});

test('collation names how text sorts on both sides', async () => {
  const databases = await makeDatabases(await checkPair(), 'check_sorted', '', { source: 'UTF8' });
  await expectFires(databases, {
    id: 'collation',
    severity: 'note',
    says: /sorts by C \(libc\) on the source, by C\.UTF-8 \(builtin 1\) on the target/,
  });
  await expectSilent(databases, 'encoding');
});

test('collation sees another version of the same collation', async () => {
  const databases = await makeDatabases(await checkPair(), 'check_resorted', '');
  await query(
    databases.source,
    `UPDATE pg_database SET datcollversion = '0.9' WHERE datname = current_database()`,
  );
  await expectFires(databases, { id: 'collation', severity: 'note', says: 'builtin 0.9' });
});
