import { expect, test } from 'vitest';
import { type Databases, makeDatabases } from '../integration/databases.js';
import { expectFaithfulRun, migrateDatabase } from '../integration/ferry.js';
import { apachePair } from '../integration/servers.js';
import { query, queryValue } from '../integration/sql.js';
import { onStage, runAtOnce } from '../resume/stopped.js';
import { expectError, failureOf } from './refusal.js';

const CONTENT = `
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TABLE person (id int PRIMARY KEY, name text, mood mood);
INSERT INTO person SELECT n, 'person ' || n, 'good' FROM generate_series(1, 100) n;
CREATE TABLE stage (id serial PRIMARY KEY, what text);
INSERT INTO stage (what) VALUES ('one'), ('two');
CREATE INDEX by_name ON person (name);
CREATE INDEX by_mood ON person (mood);
CREATE STATISTICS names ON name, mood FROM person;
CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql AS 'SELECT n * 2';
CREATE FUNCTION once(n int) RETURNS int LANGUAGE sql AS 'SELECT n';
CREATE FUNCTION act() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER acting BEFORE INSERT ON person FOR EACH ROW EXECUTE FUNCTION act();
CREATE VIEW people AS SELECT name FROM person;
CREATE VIEW moods AS SELECT mood FROM person;
`;

const make = async (name: string, more = ''): Promise<Databases> =>
  makeDatabases(await apachePair(), `definitions_${name}`, CONTENT + more);

/** What another session does on the source, once, when a stage of the run begins. */
const meanwhile = ({ programs, source }: Databases, change: string, stage = 'rows and indexes' as const) =>
  onStage(stage, () => runAtOnce(programs, source, change));

test('definitions that are dropped and renamed on the source during the copy are compared as they were', async () => {
  const databases = await make(
    'gone',
    'CREATE ROLE definitions_reader; GRANT SELECT ON person TO definitions_reader;',
  );
  const { verification } = await migrateDatabase(databases, {
    onEvent: meanwhile(
      databases,
      `DROP FUNCTION twice(int); ALTER FUNCTION once(int) RENAME TO thrice; DROP VIEW people; DROP TRIGGER acting ON person;
       ALTER VIEW moods RENAME TO all_moods; ALTER INDEX by_name RENAME TO by_names; DROP INDEX by_mood; DROP DOMAIN positive;
       DROP STATISTICS names; REVOKE ALL ON person FROM definitions_reader; DROP ROLE definitions_reader;`,
    ),
  });
  expect(verification).toMatchObject({ equal: true });
  expect(await queryValue(databases.target, 'SELECT twice(once(2))')).toBe('4');
  expect(await query(databases.target, 'SELECT FROM people, moods LIMIT 1')).toHaveLength(1);
});

test('a target that differs from definitions which the source does not have any more is no false difference', async () => {
  const databases = await make('both');
  const change = meanwhile(databases, 'DROP VIEW people');
  const error = await failureOf({
    ...databases,
    onEvent: (event) => {
      change(event);
      onStage('statistics', () => runAtOnce(databases.programs, databases.target, 'DROP VIEW moods'))(event);
    },
  });
  expectError(error, {
    code: 'SOURCE_CHANGED',
    says: ['definitions were', 'on the source after the snapshot was taken'],
    advises: '--on-rewrite retry',
  });
});

const STOPPING = {
  'a table with its sequence': { change: 'DROP TABLE stage', says: 'public.stage' },
  'a sequence': { change: 'ALTER SEQUENCE stage_id_seq RENAME TO other', says: 'public.stage_id_seq' },
  'a column': { change: 'ALTER TABLE person RENAME name TO called', says: 'a column of public.person' },
  'a label of an enum': {
    change: `ALTER TYPE mood RENAME VALUE 'good' TO 'fine'`,
    says: 'a label of an enum of public.person',
  },
} as const;

for (const [what, { change, says }] of Object.entries(STOPPING)) {
  const name = what.replaceAll(' ', '_');
  test(`${what} that is dropped or renamed on the source during the copy stops the run by name`, async () => {
    const databases = await make(`stop_${name}`);
    const error = await failureOf({ ...databases, onEvent: meanwhile(databases, change) });
    expectError(error, {
      code: 'SOURCE_CHANGED',
      says: [says, 'on the source after the snapshot was taken'],
      advises: '--on-rewrite retry',
    });
  });

  test(`${what} that is dropped or renamed meanwhile is brought as it is then, with --on-rewrite retry`, async () => {
    const databases = await make(`retry_${name}`);
    const { resumed } = await expectFaithfulRun(databases, {
      onRewrite: 'retry',
      onEvent: meanwhile(databases, change),
    });
    expect(resumed.map(({ attempt }) => attempt)).toEqual([2]);
  });
}
