import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { restore } from '../../src/archive/restore.js';
import { expectEqualDatabases } from '../integration/compare/databases.js';
import { makeDatabaseBeside, makeDatabases } from '../integration/databases.js';
import { apachePair } from '../integration/servers.js';
import { query } from '../integration/sql.js';
import { dumpedByPgDump } from './dumped.js';

const CONTENT = `
CREATE EXTENSION timescaledb;
CREATE TYPE kind AS ENUM ('a', 'b');
CREATE TABLE device (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text UNIQUE, kind kind DEFAULT 'b');
INSERT INTO device (name) SELECT 'device ' || n FROM generate_series(1, 10) AS n;
CREATE TABLE "odd; na""me" (a serial PRIMARY KEY, "b	c" text, twice int GENERATED ALWAYS AS (a * 2) STORED);
INSERT INTO "odd; na""me" ("b	c") VALUES (NULL), ('x'), (E'tab\\t, line\\n, \\\\N and \\\\.');
CREATE TABLE reading (time timestamptz NOT NULL, device int NOT NULL REFERENCES device, value float8, PRIMARY KEY (device, time));
SELECT create_hypertable('reading', 'time', chunk_time_interval => interval '1 day');
INSERT INTO reading SELECT t, d, d * 1.5
FROM generate_series(timestamptz '2026-01-01', '2026-01-09', '1 hour') AS t, generate_series(1, 10) AS d;
CREATE INDEX by_value ON reading (value) WHERE value > 3;
CREATE TABLE sale (id int, at date NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE sale_2026 PARTITION OF sale FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO sale SELECT n, '2026-02-01' FROM generate_series(1, 5) AS n;
CREATE MATERIALIZED VIEW per_device AS SELECT device, count(*) FROM reading GROUP BY 1;
CREATE MATERIALIZED VIEW empty_view AS SELECT 1 AS one WITH NO DATA;
SELECT lo_from_bytea(70001, decode(repeat('deadbeef', 50000), 'hex'));
CREATE SEQUENCE own; SELECT nextval('own'), nextval('own');
SELECT 'COMMENT ON DATABASE ' || quote_ident(current_database()) || ' IS ''it''''s \\\\ here''' \\gexec
SELECT 'ALTER DATABASE ' || quote_ident(current_database()) || ' CONNECTION LIMIT 44' \\gexec
SELECT 'ALTER DATABASE ' || quote_ident(current_database()) || ' IS_TEMPLATE true' \\gexec
SELECT 'ALTER DATABASE ' || quote_ident(current_database()) || ' SET work_mem = ''5MB''' \\gexec
SELECT 'ALTER DATABASE ' || quote_ident(current_database()) || ' SET search_path = public, "Odd; schema"' \\gexec
`;

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hyperferry-stock-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test.each([
  ['in a folder', 'folder', (to: string) => `-Fd -j2 -f ${to}`],
  ['in a folder, not compressed', 'plain_folder', (to: string) => `-Fd -Z0 -f ${to}`],
  ['in one file', 'file', (to: string) => `-Fc -f ${to}`],
  ['in one file, through a pipe', 'pipe', (to: string) => `-Fc | cat > ${to}`],
])('an archive of pg_dump %s is restored, and ends equal', async (_, name, flags) => {
  const databases = await makeDatabases(await apachePair(), `stock_${name}`, CONTENT);
  const from = join(folder, name);
  await execa('bash', ['-c', `"${databases.programs}/pg_dump" -d "$SOURCE" ${flags(from)}`], {
    env: { SOURCE: databases.source },
  });
  const outcome = await restore({ from, target: databases.target, jobs: 2 });
  expect(outcome.leftOut).toEqual([]);
  expect(outcome.notices.join('\n')).toContain('made by pg_dump, which notes no checksums');
  expect(outcome.rows).toBeGreaterThan(1900);
  await expectEqualDatabases(databases.source, databases.target, databases.programs);
  const limit = 'SELECT datconnlimit, datistemplate FROM pg_database WHERE datname = current_database()';
  expect(await query(databases.target, limit)).toEqual([{ datconnlimit: 44, datistemplate: true }]);
});

test('what an archive of pg_dump holds of grants on large objects and on the database is named, with its SQL', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'stock_left_out',
    `
    CREATE ROLE stock_reader;
    SELECT lo_create(70002);
    GRANT SELECT ON LARGE OBJECT 70002 TO stock_reader;
    SELECT 'GRANT TEMPORARY ON DATABASE ' || quote_ident(current_database()) || ' TO stock_reader' \\gexec
    `,
  );
  const from = join(folder, 'left-out');
  await execa(join(databases.programs, 'pg_dump'), ['-d', databases.source, '-Fc', '-f', from]);
  const { leftOut } = await restore({ from, target: databases.target, jobs: 1 });
  expect(leftOut.map(({ object, sql }) => `${object}: ${sql?.trim()}`).join('\n')).toMatch(
    /ACL LARGE OBJECT 70002: GRANT SELECT ON LARGE OBJECT 70002 TO stock_reader;/,
  );
  expect(leftOut.map(({ object }) => object)).toContain('ACL DATABASE stock_left_out');
});

test('a policy of an archive of pg_dump for a role that the target lacks is left out, and lets nobody in', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'stock_policy',
    `CREATE ROLE stock_guest; CREATE TABLE guarded AS SELECT 1 AS n; ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
     CREATE POLICY guests ON guarded TO stock_guest USING (true); CREATE POLICY none ON guarded USING (false);`,
  );
  const from = join(folder, 'policy');
  await execa(join(databases.programs, 'pg_dump'), ['-d', databases.source, '-Fc', '-f', from]);
  const { leftOut } = await restore({ from, target: databases.target, jobs: 1 });
  expect(leftOut).toContainEqual({
    object: 'POLICY public.guarded guests',
    reason: expect.stringContaining('stock_guest'),
    sql: 'CREATE POLICY guests ON public.guarded TO stock_guest USING (true);',
  });
  const kept = 'SELECT polname::text AS name FROM pg_policy';
  expect(await query(databases.target, kept)).toEqual([{ name: 'none' }]);
});

test("the user's rows in the tables of extensions come without TimescaleDB as well", async () => {
  // As the script of the extension would have it, on both sides.
  const extension = `
    CREATE EXTENSION hstore;
    CREATE TABLE settings (id int, value text);
    ALTER EXTENSION hstore ADD TABLE settings;
    UPDATE pg_extension SET extconfig = ARRAY['settings'::regclass]::oid[], extcondition = ARRAY['WHERE id > 0'] WHERE extname = 'hstore';
    INSERT INTO settings VALUES (0, 'of the extension');`;
  const databases = await makeDatabases(
    await apachePair(),
    'stock_configuration',
    `CREATE EXTENSION citext; CREATE TABLE plain (a citext);
     ${extension} INSERT INTO settings VALUES (1, 'of the user'); CREATE EXTENSION ltree;`,
  );
  await query(databases.target, extension);
  const from = await dumpedByPgDump(databases, '-Fc');
  const { leftOut } = await restore({ from, target: databases.target, jobs: 1 });
  expect(leftOut, 'nor is a version, which an archive does not tell').toEqual([]);
  expect(await query(databases.target, 'SELECT id, value FROM settings ORDER BY id')).toEqual([
    { id: 0, value: 'of the extension' },
    { id: 1, value: 'of the user' },
  ]);

  const target = await makeDatabaseBeside(databases.target);
  await restore({ from, target, jobs: 1, only: ['plain'] });
  const extensions = "SELECT extname AS name FROM pg_extension WHERE extname <> 'plpgsql'";
  expect(await query(target, extensions), 'that of the rows is not needed').toEqual([{ name: 'citext' }]);
});
