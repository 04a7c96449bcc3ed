import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { inspect, restore } from '../../src/index.js';
import { makeDatabases } from '../integration/databases.js';
import { apachePair } from '../integration/servers.js';
import { query, queryValue } from '../integration/sql.js';
import { dumpedByPgDump, expectFailure, expectRefusal, temporaryFolder } from './dumped.js';

/** Each of its characters is a byte of LATIN1, and two of them together are a character of UTF-8. */
const TEXT = 'CafÃ© 5Â°';

test('an archive in another encoding is refused before anything is changed, and one in UTF-8 of the same database restored', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'stock_latin1',
    `SET client_encoding = 'UTF8'; CREATE TABLE a (id int PRIMARY KEY, t text); INSERT INTO a VALUES (1, '${TEXT}');`,
    { source: 'LATIN1' },
  );
  const failure = {
    code: 'ARCHIVE',
    says: [/^expected the text of .* in UTF8, but it is in LATIN1$/],
    advises: 'pg_dump --encoding=UTF8',
  } as const;
  await expectRefusal(databases, await dumpedByPgDump(databases, '-Fc'), failure);
  // The bytes as they are in the database, which is not in that encoding.
  await expectRefusal(databases, await dumpedByPgDump(databases, '-Fc', '--encoding=SQL_ASCII'), failure);

  const from = await dumpedByPgDump(databases, '-Fc', '--encoding=UTF8');
  await restore({ from, target: databases.target, jobs: 1 });
  expect(await queryValue(databases.target, 'SELECT t FROM a')).toBe(TEXT);
});

test('names in another encoding are told from damage', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'stock_latin1_name',
    'CREATE TABLE "ä" (id int);',
  );
  const from = await dumpedByPgDump(databases, '-Fc', '--encoding=LATIN1');
  const failure = {
    code: 'ARCHIVE',
    says: [/is not in UTF-8$/],
    advises: 'pg_dump --encoding=UTF8',
  } as const;
  await expectRefusal(databases, from, failure);
  await expectFailure(inspect({ from }), failure);
});

test('an archive of a database of raw bytes is restored as far as they are UTF-8', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'stock_raw',
    `CREATE TABLE a (t text); INSERT INTO a VALUES ('${TEXT}');`,
    { source: 'SQL_ASCII' },
  );
  const from = await dumpedByPgDump(databases, '-Fc');
  await restore({ from, target: databases.target, jobs: 1 });
  expect(await queryValue(databases.target, 'SELECT t FROM a')).toBe(TEXT);
});

test('an archive whose SQL was written with backslashes that escape is refused, and the mend makes one that is right', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'stock_backslashes',
    `SELECT 'ALTER DATABASE ' || quote_ident(current_database()) || ' SET standard_conforming_strings = off' \\gexec
     CREATE TABLE l (a text DEFAULT 'C:\\temp'); CREATE VIEW v AS SELECT 'c:\\d' AS p;`,
  );
  await expectRefusal(databases, await dumpedByPgDump(databases, '-Fc'), {
    code: 'ARCHIVE',
    says: [/^expected SQL with standard_conforming_strings = on in .*, but it was written with off$/],
    advises: 'PGOPTIONS="-c standard_conforming_strings=on" pg_dump',
  });
  const from = join(await temporaryFolder(), 'mended');
  await execa(join(databases.programs, 'pg_dump'), ['-d', databases.source, '-Fc', '-f', from], {
    env: { PGOPTIONS: '-c standard_conforming_strings=on' },
  });
  await restore({ from, target: databases.target, jobs: 1 });
  await query(databases.target, 'INSERT INTO l DEFAULT VALUES');
  expect(await query(databases.target, 'SELECT a, p FROM l, v')).toEqual([{ a: 'C:\\temp', p: 'c:\\d' }]);
});
