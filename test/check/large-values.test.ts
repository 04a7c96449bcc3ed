import { test } from 'vitest';
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
