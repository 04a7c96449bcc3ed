import { join } from 'node:path';
import { test } from 'vitest';
import { dump } from '../../src/index.js';
import { expectFailure, expectNothingIn, temporaryFolder } from '../archive/dumped.js';
import { makeDatabases } from '../integration/databases.js';
import { runScript } from '../integration/sql.js';
import { expectFires, expectSilent } from './findings.js';
import { checkPair } from './pair.js';

/** 501 million bytes that nothing compresses, but stored out of line in one piece. */
const LARGE = `convert_to(repeat('0123456789abcde\n', 31312500), 'UTF8')`;

test('large values travel in binary form, and not where a column forbids that', async () => {
  const databases = await makeDatabases(
    await checkPair(),
    'check_large_values',
    `CREATE TABLE film (n int, content bytea);
     ALTER TABLE film ALTER content SET STORAGE EXTERNAL;
     INSERT INTO film SELECT n, decode(repeat(md5(n::text), 1000000), 'hex') FROM generate_series(1, 2) AS n;`,
  );
  for (const id of ['large-values', 'large-values-binary']) await expectSilent(databases, id);

  await runScript(databases.programs, databases.source, `INSERT INTO film VALUES (0, ${LARGE})`);
  const objects = ['public.film.content'];
  await expectFires(databases, { id: 'large-values-binary', severity: 'note', objects });
  await expectSilent(databases, 'large-values');

  await runScript(databases.programs, databases.source, 'ALTER TABLE film ADD kind regclass');
  await expectFires(databases, { id: 'large-values', severity: 'blocker', objects });
  await expectSilent(databases, 'large-values-binary');

  // As its mend says: the column in a table of its own.
  await runScript(databases.programs, databases.source, 'ALTER TABLE film DROP kind');
  await expectSilent(databases, 'large-values');
});

test('a large value that compresses well is large all the same', async () => {
  const databases = await makeDatabases(
    await checkPair(),
    'check_compressed_value',
    `CREATE TABLE "da;ta" ("col umn" bytea COMPRESSION lz4, kind regclass);
     INSERT INTO "da;ta" VALUES (convert_to(repeat('x', 501000000), 'UTF8'));`,
  );
  const objects = ['public.da;ta.col umn'];
  await expectFires(databases, { id: 'large-values', severity: 'blocker', objects });
});

/** 300 MB, and twice that as text. */
const LARGE_TOGETHER = `convert_to(repeat('x', 300000000), 'UTF8')`;

test('values that are large together make a row that no dump holds, and migrate does', async () => {
  const databases = await makeDatabases(
    await checkPair(),
    'check_large_rows',
    `CREATE TABLE film (n int, picture bytea COMPRESSION lz4, sound bytea COMPRESSION lz4);
     INSERT INTO film VALUES (1, ${LARGE_TOGETHER}, NULL), (2, NULL, ${LARGE_TOGETHER});`,
  );
  const { programs, source } = databases;
  await runScript(programs, source, 'ALTER TABLE film ADD kind regclass');
  await expectSilent(databases, 'large-rows');
  await runScript(programs, source, `INSERT INTO film VALUES (3, ${LARGE_TOGETHER}, ${LARGE_TOGETHER})`);
  await expectFires(databases, { id: 'large-rows', severity: 'blocker', objects: ['public.film'] });

  await runScript(programs, source, 'ALTER TABLE film DROP kind');
  for (const id of ['large-rows', 'large-values']) await expectSilent(databases, id);
  const folder = await temporaryFolder();
  await expectFailure(dump({ ...databases, out: join(folder, 'dump') }), {
    code: 'COPY',
    says: [/rows are larger than 1 GB as they are sent: in public\.film$/],
    advises: 'hyperferry migrate',
  });
  await expectNothingIn(folder);
});

test('a dump with a large value does not advise what would be refused again', async () => {
  const databases = await makeDatabases(
    await checkPair(),
    'check_large_dumped',
    `CREATE TABLE film (content bytea COMPRESSION lz4);
     INSERT INTO film VALUES (convert_to(repeat('x', 501000000), 'UTF8'));`,
  );
  await expectFailure(dump({ ...databases, out: join(await temporaryFolder(), 'dump') }), {
    code: 'COPY',
    says: [/values of more than 500 MB, but an archive holds rows as text: public\.film\.content$/],
    advises: /^Move the database by hyperferry migrate, .* or divide them between rows\.$/,
  });
});
