import { expect, test } from 'vitest';
import { makeDatabases } from './databases.js';
import { expectFaithfulMigration, migrateDatabase } from './ferry.js';
import { expectHypertableWorks } from './hypertables.js';
import { apachePair } from './servers.js';
import { queryValue } from './sql.js';

/** Non-ASCII letters in names, values, labels, comments and array elements; psql sends them as UTF-8. */
const CONTENT = `
SET client_encoding = 'UTF8';
CREATE EXTENSION timescaledb;
CREATE TYPE "größe" AS ENUM ('klein', 'groß');
CREATE TABLE "Zähler" (at timestamptz NOT NULL, "Straße" text, "größe" "größe", alle "größe"[], doc jsonb, fixed char(4));
SELECT create_hypertable('"Zähler"', 'at');
INSERT INTO "Zähler" VALUES ('2026-01-01 00:00+00', 'Südstraße £ ÿ', 'groß', '{groß,klein}', '{"ä": "ö"}', 'üü'),
  ('2026-02-01 00:00+00', '', NULL, NULL, NULL, NULL);
CREATE TABLE plain (t text);
INSERT INTO plain VALUES ('æøå'), ('ascii');
COMMENT ON TABLE "Zähler" IS 'Kommentar für später';
CREATE FUNCTION "grüße"() RETURNS text LANGUAGE sql AS $$ SELECT 'Grüße'::text $$;
CREATE VIEW sicht AS SELECT "Straße" FROM "Zähler" WHERE "Straße" <> 'é';
`;

test.each([
  ['a LATIN1 database into a UTF-8 one', 'LATIN1', undefined, 'latin1_utf8'],
  ['a LATIN1 database into a LATIN1 one', 'LATIN1', 'LATIN1', 'latin1_latin1'],
  ['a UTF-8 database into a LATIN1 one', undefined, 'LATIN1', 'utf8_latin1'],
])('%s keeps its letters', async (_, source, target, name) => {
  const databases = await makeDatabases(await apachePair(), `encoding_${name}`, CONTENT, {
    ...(source === undefined ? {} : { source }),
    ...(target === undefined ? {} : { target }),
  });
  await expectFaithfulMigration(databases);
  expect(await queryValue(databases.target, 'SELECT "grüße"()')).toBe('Grüße');
  await expectHypertableWorks(databases.target, '"Zähler"', {
    columns: 'at, "größe"',
    old: `('2026-01-02 00:00+00', 'groß')`,
    new: `('2020-01-01 00:00+00', 'groß')`,
  });
});

test('a letter that the target’s encoding lacks stops the run', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'encoding_lacking',
    `CREATE EXTENSION timescaledb; CREATE TABLE plain (t text); INSERT INTO plain VALUES ('Ω');`,
    { target: 'LATIN1' },
  );
  await expect(migrateDatabase(databases)).rejects.toThrow(/LATIN1/);
});
