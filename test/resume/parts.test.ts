import { expect, test } from 'vitest';
import { clean } from '../../src/index.js';
import { expectEqualDatabases } from '../integration/compare/databases.js';
import { makeDatabases } from '../integration/databases.js';
import { migrateDatabase } from '../integration/ferry.js';
import { apachePair } from '../integration/servers.js';
import { query, queryValue } from '../integration/sql.js';
import { closeGate, GATE } from './gate.js';
import { stopAt } from './stopped.js';

const ROWS = 700_000;

/** About 90 MB in one table, whose last rows wait at the gate where it is closed. */
const LARGE = `
${GATE}
CREATE TABLE large (
  id int, "co""de" text NOT NULL, filling text, PRIMARY KEY (id), UNIQUE (id, "co""de"), UNIQUE (id) DEFERRABLE,
  CHECK (id < ${ROWS - 10} OR passes_gate())
);
INSERT INTO large SELECT n, md5(n::text), repeat('x', 60) FROM generate_series(1, ${ROWS}) AS n;
CREATE INDEX by_code ON large ("co""de" text_pattern_ops);
DELETE FROM large WHERE id % 1000 = 7;
UPDATE large SET filling = 'changed' WHERE id % 1000 = 8;
CREATE TABLE small (id int PRIMARY KEY, large int REFERENCES large);
INSERT INTO small SELECT n, n FROM generate_series(1, 5) AS n;`;

test('a table that is more than one worker’s share is copied in parts, and its indexes are built beside each other', async () => {
  const databases = await makeDatabases(await apachePair(), 'parts_of_one', LARGE);
  const outcome = await migrateDatabase(databases, { keepLedger: true });
  expect(outcome, 'a relation in parts is one relation').toMatchObject({
    relations: 2,
    verification: { equal: true },
  });

  const works = (await query(
    databases.target,
    "SELECT work::json AS work, work AS text FROM _hyperferry.task WHERE stage = 'rows and indexes' ORDER BY id",
  )) as unknown as {
    work: { kind: string; relations?: { name: string; range?: unknown }[] };
    text: string;
  }[];
  const copies = works.flatMap(({ work }) => (work.relations ?? []).filter(({ name }) => name === 'large'));
  expect(copies.map(({ range }) => range)).toEqual([
    { begin: 0, end: expect.any(Number) },
    { begin: expect.any(Number) },
  ]);
  const withIndexes = works.filter(({ text }) => /(CREATE|ADD) .*large/.test(text)).map(({ text }) => text);
  const made = withIndexes.map((text) =>
    text.match(/CREATE UNIQUE INDEX|CREATE INDEX|DEFERRABLE|USING INDEX/g),
  );
  expect(made.map((words) => [...new Set(words)].join()).sort()).toEqual([
    ...['CREATE INDEX', 'CREATE UNIQUE INDEX', 'CREATE UNIQUE INDEX', 'DEFERRABLE', 'USING INDEX'],
  ]);
  await clean(databases.target);
  await expectEqualDatabases(databases.source, databases.target, databases.programs);
});

test('a run that stops between two parts of a table copies the table again', async () => {
  const databases = await makeDatabases(await apachePair(), 'parts_resumed', LARGE);
  const gate = await closeGate(databases.target);
  await stopAt(databases, (event) => event.type === 'relation-copied' && event.relation === 'public.large');
  const arrived = Number(await queryValue(databases.target, 'SELECT count(*) FROM large'));
  expect(arrived, 'rows of the first part').toBeGreaterThan(ROWS / 4);
  expect(arrived).toBeLessThan((ROWS * 3) / 4);
  await gate.open();
  const outcome = await migrateDatabase(databases, { resume: true });
  expect(outcome.resumed).toMatchObject([{ attempt: 2, again: ['public.large'] }]);
  expect(outcome.verification?.equal).toBe(true);
  await expectEqualDatabases(databases.source, databases.target, databases.programs);
});
