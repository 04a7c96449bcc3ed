import { expect, test } from 'vitest';
import { makeDatabases } from './databases.js';
import { expectFaithfulMigration } from './ferry.js';
import { expectHypertableWorks } from './hypertables.js';
import { apachePair } from './servers.js';
import { queryValue } from './sql.js';

/** Composites of user-defined types travel as text, where such settings count most. */
const CONTENT = `
CREATE EXTENSION timescaledb;
SET DateStyle = 'ISO, YMD';
CREATE TYPE kind AS ENUM ('measured');
CREATE TABLE reading (
  at timestamptz NOT NULL, local timestamp, day date, span interval, exact float8, small float4, bytes bytea, kind kind,
  kinds kind[], document jsonb, paid money
);
SELECT create_hypertable('reading', 'at');
INSERT INTO reading
SELECT '2026-01-31 22:30:00.000001+00'::timestamptz + i * interval '1 day', '2026-02-03 04:05:06.000007', '2026-02-03',
       '-1 year -2 mons +3 days -04:05:06.000007', 0.1 + i / 3.0, 0.1 + i / 3.0, '\\x00ff5c', 'measured', '{measured}',
       '{"a": 0.30000000000000004}', 12.34
FROM generate_series(1, 20) AS i;
CREATE TABLE of_default (at timestamptz DEFAULT '2026-02-03 04:05+00', span interval DEFAULT '1 day -1 hour',
                         exact float8 DEFAULT 0.30000000000000004, bytes bytea DEFAULT '\\x00ff',
                         CHECK (at > '2026-01-02 03:04+00'::timestamptz));
INSERT INTO of_default DEFAULT VALUES;
`;

test('servers that print values differently hold the same values', async () => {
  const databases = await makeDatabases(await apachePair(), 'display_servers', CONTENT);
  const show = `SELECT day::text || ' ' || span::text FROM reading LIMIT 1`;
  await expectFaithfulMigration(databases);
  expect(await queryValue(databases.target, show)).not.toBe(await queryValue(databases.source, show));
  await expectHypertableWorks(databases.target, 'reading', {
    columns: 'at, kind',
    old: `('2026-02-05 00:00+00', 'measured')`,
    new: `('2020-02-05 00:00+00', 'measured')`,
  });
});

test('settings of the database, of a role and of a role in the database do not disturb, and are carried', async () => {
  const { user, database } = { user: 'display_role', database: 'display_database' };
  const databases = await makeDatabases(
    await apachePair(),
    database,
    `${CONTENT}
    CREATE ROLE ${user} LOGIN SUPERUSER;
    ALTER DATABASE ${database} SET DateStyle = 'Postgres, DMY';
    ALTER DATABASE ${database} SET IntervalStyle = 'postgres_verbose';
    ALTER DATABASE ${database} SET extra_float_digits = -15;
    ALTER DATABASE ${database} SET bytea_output = 'escape';
    ALTER DATABASE ${database} SET TimeZone = 'Pacific/Apia';
    ALTER DATABASE ${database} SET search_path = "nowhere", 'public', "with, comma";
    ALTER DATABASE ${database} SET statement_timeout = '60s';
    ALTER DATABASE ${database} SET default_transaction_isolation = 'serializable';
    ALTER DATABASE ${database} SET standard_conforming_strings = off;
    ALTER DATABASE ${database} SET quote_all_identifiers = on;
    ALTER DATABASE ${database} SET array_nulls = off;
    ALTER DATABASE ${database} SET xmloption = 'document';
    ALTER DATABASE ${database} SET timescaledb.enable_chunk_append = off;
    ALTER DATABASE ${database} SET restrict_nonsystem_relation_kind = 'view, foreign-table';
    ALTER DATABASE ${database} SET exit_on_error = on;
    ALTER DATABASE ${database} SET my_own.setting = 'it''s; "quoted"';
    ALTER ROLE ${user} SET DateStyle = 'SQL, DMY';
    ALTER ROLE ${user} IN DATABASE ${database} SET extra_float_digits = -10;
    ALTER ROLE ${user} IN DATABASE ${database} SET row_security = on;
    ALTER ROLE ALL IN DATABASE ${database} SET lock_timeout = '59s';
    `,
  );
  const asUser = new URL(databases.source);
  asUser.username = user;
  await expectFaithfulMigration({ ...databases, source: asUser.href });
});
