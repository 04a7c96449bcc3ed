import { expect, test } from 'vitest';
import { migrate } from '../../src/index.js';
import { databaseCreation } from '../../src/inventory/collation.js';
import { makeDatabases } from '../integration/databases.js';
import { withDump } from '../integration/ferry.js';
import { query, queryValue } from '../integration/sql.js';
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

test('a database is made in the words that the target’s version knows', () => {
  const [libc, icu, builtin] = [
    { provider: 'c', locale: 'de_DE.utf8' },
    { provider: 'i', locale: 'de' },
    { provider: 'b', locale: 'C.UTF-8' },
  ];
  const on = (version: number) =>
    [libc, icu, builtin].map((collation) =>
      databaseCreation(
        '"…"',
        'UTF8',
        { characterType: collation?.locale ?? '', ...(collation ?? { provider: '', locale: '' }) },
        version,
      ).replace(/^.* ENCODING 'UTF8' |;.*$/g, ''),
    );
  expect(on(120_000)).toEqual([
    "LC_COLLATE 'de_DE.utf8' LC_CTYPE 'de_DE.utf8'",
    "LC_COLLATE 'C' LC_CTYPE 'C'",
    "LC_COLLATE 'C' LC_CTYPE 'C'",
  ]);
  expect(on(140_000)).toEqual(["LOCALE 'de_DE.utf8'", "LOCALE 'C'", "LOCALE 'C'"]);
  expect(on(160_000)).toEqual([
    "LOCALE_PROVIDER libc LOCALE 'de_DE.utf8'",
    "LOCALE_PROVIDER icu ICU_LOCALE 'de' LOCALE 'C'",
    "LOCALE_PROVIDER libc LOCALE 'C'",
  ]);
  expect(on(170_000)).toEqual([
    "LOCALE_PROVIDER libc LOCALE 'de_DE.utf8'",
    "LOCALE_PROVIDER icu ICU_LOCALE 'de' LOCALE 'C'",
    "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C'",
  ]);
});

test('encoding says of a SQL_ASCII source what stops the copy, into any target, and its mend helps', async () => {
  const pair = await checkPair();
  const bytes = `CREATE TABLE noted (n int, t text); INSERT INTO noted VALUES (1, E'caf\\351'), (2, E'caf\\303\\251');`;
  const databases = await makeDatabases(pair, 'check_bytes', bytes, { source: 'SQL_ASCII' });
  const { why, mend } = await expectFires(databases, {
    id: 'encoding',
    severity: 'warning',
    objects: ['SQL_ASCII', 'UTF8'],
  });
  expect(why).toContain('not valid');

  const alike = await makeDatabases(pair, 'check_bytes_alike', '', { target: 'SQL_ASCII' });
  const raw = { ...databases, target: alike.target };
  await expectFires(raw, { id: 'encoding', severity: 'warning', objects: ['SQL_ASCII'] });
  await expect(migrate({ ...raw, jobs: 1 })).rejects.toThrow(/invalid byte sequence/);

  await query(
    databases.source,
    mend.replace('…', 'noted').replaceAll('"…"', 't').replace('WHERE …', 'WHERE n = 1'),
  );
  await migrate({ ...databases, jobs: 1 });
  expect(await queryValue(databases.target, `SELECT string_agg(t, ' ') FROM noted`)).toBe('café café');
});

test('encoding warns before the dump of a SQL_ASCII database', async () => {
  const { source, programs } = await makeDatabases(await checkPair(), 'check_bytes_dumped', '', {
    source: 'SQL_ASCII',
  });
  const notices: string[] = [];
  await withDump(
    { source, programs, onEvent: (event) => event.type === 'notice' && notices.push(event.message) },
    async () => {},
  );
  expect(notices).toContain('the source is encoded in SQL_ASCII (encoding)');
});

test('encoding says what a SQL_ASCII target makes of text', async () => {
  const databases = await makeDatabases(await checkPair(), 'check_bytes_there', '', { target: 'SQL_ASCII' });
  const { why } = await expectFires(databases, {
    id: 'encoding',
    severity: 'warning',
    objects: ['UTF8', 'SQL_ASCII'],
  });
  expect(why).toContain('bytes');
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
