import { expect, test } from 'vitest';
import { verify } from '../../src/index.js';
import { makeDatabases } from './databases.js';
import { expectFaithfulMigration } from './ferry.js';
import { expectHypertableWorks } from './hypertables.js';
import { apachePair } from './servers.js';
import { query } from './sql.js';

test('names with quotes, spaces, semicolons, backslashes, tabs and newlines are carried', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    `ident "double" 'single'; semi`,
    `
    CREATE EXTENSION timescaledb;
    CREATE SCHEMA "sch""ema; ' $$";
    SET search_path = "sch""ema; ' $$", public;
    CREATE TYPE "en""um '" AS ENUM ('label; ''one''', 'label "two"');
    CREATE TABLE "ta""ble; '\\ $1
two\tlines" (
      "ti""me; '" timestamptz NOT NULL,
      "va\\lue\twith\ttab" "en""um '" DEFAULT 'label "two"',
      "new
line" int,
      CONSTRAINT "check;
""it'" CHECK ("new
line" > 0)
    );
    CREATE INDEX "in""dex; '
two" ON "ta""ble; '\\ $1
two\tlines" ("new
line");
    SELECT create_hypertable('"ta""ble; ''\\ $1
two	lines"'::regclass, 'ti"me; ''', create_default_indexes => false);
    INSERT INTO "ta""ble; '\\ $1
two\tlines" SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 day', 'label; ''one''', i
    FROM generate_series(1, 20) AS i;
    GRANT SELECT ON "ta""ble; '\\ $1
two\tlines" TO PUBLIC;
    CREATE TABLE "-- not a comment" ("select" int PRIMARY KEY, "UPPER" text, "ünïcödé €" text, " " text);
    INSERT INTO "-- not a comment" VALUES (1, 'a', 'b', 'c');
    CREATE TABLE "Name of exactly sixty-three bytes, which is the longest of all..." (id serial);
    INSERT INTO "Name of exactly sixty-three bytes, which is the longest of all..." VALUES (7);
    CREATE SEQUENCE "se""quence; '";
    SELECT nextval('"se""quence; ''"');
    CREATE MATERIALIZED VIEW "ma""t; '" AS SELECT "select" AS "a""b" FROM "-- not a comment";
    CREATE FUNCTION "fu""nc; '"("pa""ram" int) RETURNS int LANGUAGE sql AS $_$ SELECT "pa""ram" + 1 $_$;
    COMMENT ON TABLE "-- not a comment" IS E'a comment; with ''quotes''\\nand $$ two lines';
    `,
  );
  await expectFaithfulMigration(databases);
  await expectHypertableWorks(databases.target, `"sch""ema; ' $$"."ta""ble; '\\ $1\ntwo\tlines"`, {
    old: `('2026-01-02 12:00+00', 'label "two"', 1)`,
    new: `('2027-01-02 12:00+00', 'label "two"', 1)`,
  });
});

test('names that are the same with their schemas, if dots are not told apart, stay two', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'identifiers_dots',
    `
    CREATE SCHEMA "a.b";
    CREATE SCHEMA a;
    CREATE TABLE "a.b".c AS SELECT generate_series(1, 1000) AS n;
    CREATE TABLE a."b.c" AS SELECT 1 AS n;
    `,
  );
  await expectFaithfulMigration(databases);
  await query(databases.target, 'UPDATE "a.b".c SET n = 0 WHERE n = 7');
  const { source, target } = databases;
  const { relations } = await verify({ source, target });
  expect(relations.different.map(({ relation }) => relation)).toEqual(['"a.b".c']);
});

test('names that differ only in case, and names that are keywords, stay apart', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'identifiers_case',
    `
    CREATE EXTENSION timescaledb;
    CREATE SCHEMA "User";
    CREATE SCHEMA "user";
    CREATE TABLE "User"."table" ("user" int, "User" int, "order" timestamptz NOT NULL);
    CREATE TABLE "user"."table" ("user" int, "User" int, "order" timestamptz NOT NULL);
    SELECT create_hypertable('"User"."table"', 'order');
    INSERT INTO "User"."table" VALUES (1, 2, '2026-01-01 00:00+00');
    INSERT INTO "user"."table" VALUES (3, 4, '2026-01-01 00:00+00');
    `,
  );
  await expectFaithfulMigration(databases);
  await expectHypertableWorks(databases.target, '"User"."table"', {
    old: `(1, 2, '2026-01-01 00:00+00')`,
    new: `(1, 2, '2020-01-01 00:00+00')`,
  });
});
