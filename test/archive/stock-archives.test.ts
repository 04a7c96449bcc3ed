import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { restore } from '../../src/archive/restore.js';
import { expectEqualDatabases } from '../integration/compare/databases.js';
import { makeDatabaseBeside, makeDatabases } from '../integration/databases.js';
import { apachePair, COMMUNITY_VERSIONS, communityPair, hasCommunity } from '../integration/servers.js';
import { query, queryValue } from '../integration/sql.js';
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

describe.skipIf(!hasCommunity).each(COMMUNITY_VERSIONS)('of TimescaleDB %s, community edition', (version) => {
  test('archives of pg_dump with compressed chunks, a continuous aggregate and jobs end equal', async () => {
    const databases = await makeDatabases(
      await communityPair(),
      `stock_community_${version.replaceAll('.', '_')}`,
      `
        CREATE EXTENSION timescaledb VERSION '${version}';
        CREATE TABLE reading (at timestamptz NOT NULL, device int, value float8, note text);
        SELECT create_hypertable('reading', 'at', chunk_time_interval => interval '1 day');
        INSERT INTO reading SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '10 minutes', i % 3, i, 'note ' || i
        FROM generate_series(0, 999) i;
        ALTER TABLE reading SET (timescaledb.compress, timescaledb.compress_segmentby = 'device');
        CREATE MATERIALIZED VIEW hourly WITH (timescaledb.continuous) AS
          SELECT time_bucket('1 hour', at) AS hour, device, avg(value) AS mean, count(*) FROM reading GROUP BY 1, 2 WITH NO DATA;
        CALL refresh_continuous_aggregate('hourly', NULL, '2026-01-06 00:00+00');
        SELECT compress_chunk(c) FROM show_chunks('reading', older_than => '2026-01-04 00:00+00'::timestamptz) AS c;
        INSERT INTO reading VALUES ('2026-01-02 00:00:01+00', 7, 7, 'into a compressed chunk');
        SELECT add_compression_policy('reading', interval '100 years', initial_start => '2100-01-01 00:00+00');
        SELECT add_continuous_aggregate_policy('hourly', NULL, interval '1 hour', interval '1 month',
                                               initial_start => '2100-01-01 00:00+00');
        CREATE PROCEDURE work(job_id int, config jsonb) LANGUAGE sql AS 'SELECT 1';
        SELECT add_job('work', interval '1 day', config => '{"what": "it''s"}', initial_start => '2100-01-01 00:00+00');
        `,
    );
    const { source, programs } = databases;
    let { target } = databases;
    for (const format of ['-Fc', '-Fd']) {
      const from = await dumpedByPgDump(databases, format);
      const { leftOut } = await restore({ from, target, jobs: 2 });
      expect(leftOut).toEqual([]);
      await expectEqualDatabases(source, target, programs);
      // What is equal is at work as well: the rest of the aggregate is filled from chunks that are compressed and not.
      await query(target, `CALL refresh_continuous_aggregate('hourly', NULL, NULL)`);
      expect(await queryValue(target, 'SELECT sum(count) FROM hourly')).toBe('1001');
      target = await makeDatabaseBeside(target);
    }
  });
});

test.skipIf(!hasCommunity)(
  `columns of only NULLs, which TimescaleDB 2.19 compresses to what nobody reads back, come from an archive of pg_dump, and text that looks the same stays${hasCommunity ? '' : ' (skipped: needs the community edition)'}`,
  async () => {
    const databases = await makeDatabases(
      await communityPair(),
      'stock_unreadable_nulls',
      `CREATE EXTENSION timescaledb VERSION '2.19.3';
       CREATE TABLE reading (at timestamptz NOT NULL, "a, note" text, device text, value float8, other text);
       SELECT create_hypertable('reading', 'at');
       ALTER TABLE reading SET (timescaledb.compress, timescaledb.compress_segmentby = 'device');
       INSERT INTO reading SELECT timestamptz '2026-01-01' + n * interval '1 hour', NULL, 'Bg==', n, NULL FROM generate_series(1, 500) AS n;
       INSERT INTO reading VALUES ('2026-01-01', 'Bg==', 'b', NULL, NULL);
       SELECT compress_chunk(c) FROM show_chunks('reading') AS c;
       CREATE TABLE plain (a text); INSERT INTO plain VALUES ('Bg=='), (NULL);`,
    );
    const { source, programs } = databases;
    let { target } = databases;
    for (const format of ['-Fc', '-Fd']) {
      await restore({ from: await dumpedByPgDump(databases, format), target, jobs: 2 });
      await expectEqualDatabases(source, target, programs);
      const devices =
        'SELECT device, count("a, note")::int, count(other)::int AS others FROM reading GROUP BY 1 ORDER BY 1';
      expect(await query(target, devices)).toEqual([
        { device: 'Bg==', count: 0, others: 0 },
        { device: 'b', count: 1, others: 0 },
      ]);
      expect(await queryValue(target, 'SELECT count(a) FROM plain')).toBe('1');
      target = await makeDatabaseBeside(target);
    }
  },
);

test('comments and grants of large objects come from an archive of pg_dump, which notes them once for a group', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'stock_large_objects',
    `
    CREATE ROLE "lo owner"; CREATE ROLE lo_reader; CREATE ROLE lo_missing;
    SELECT lo_from_bytea(n, 'content') FROM generate_series(80000, 80099) AS n;
    SELECT format('GRANT SELECT ON LARGE OBJECT %s TO lo_reader', n) FROM generate_series(80000, 80099, 7) AS n \\gexec
    SELECT format('ALTER LARGE OBJECT %s OWNER TO "lo owner"', n) FROM generate_series(80000, 80099, 11) AS n \\gexec
    GRANT ALL ON LARGE OBJECT 80001 TO lo_reader WITH GRANT OPTION;
    GRANT UPDATE ON LARGE OBJECT 80002 TO PUBLIC;
    GRANT SELECT ON LARGE OBJECT 80003, 80004 TO lo_missing;
    COMMENT ON LARGE OBJECT 80005 IS 'it''s \\ here';
    `,
  );
  const { source, target } = databases;
  const from = await dumpedByPgDump(databases, '-Fc');
  // Roles are the server's: what other tests migrate meanwhile brings all that the source's server has.
  await query(source, 'REVOKE ALL ON LARGE OBJECT 80003, 80004 FROM lo_missing; DROP ROLE lo_missing');
  await query(target, 'DROP ROLE IF EXISTS lo_missing');
  for (const role of ['"lo owner"', 'lo_reader']) {
    await query(target, `DO $$ BEGIN CREATE ROLE ${role}; EXCEPTION WHEN duplicate_object THEN NULL; END $$`);
  }
  const { leftOut } = await restore({ from, target, jobs: 1 });
  expect(leftOut.map(({ object, sql }) => [object, sql])).toEqual(
    [80003, 80004].map((oid) => [
      `SELECT on LARGE OBJECT ${oid} for lo_missing`,
      `GRANT SELECT ON LARGE OBJECT ${oid} TO "lo_missing";`,
    ]),
  );
  const said = `
    SELECT m.oid::int, lomowner::regrole::text AS owner, obj_description(m.oid, 'pg_largeobject') AS comment,
           ARRAY(SELECT concat_ws(' ', NULLIF(a.grantee, 0)::regrole, privilege_type, is_grantable)
                 FROM aclexplode(lomacl) AS a WHERE a.grantee <> lomowner ORDER BY 1) AS grants
    FROM pg_largeobject_metadata m ORDER BY 1`;
  const expected = await query(source, said);
  expect(expected.filter(({ grants }) => (grants as string[]).length > 0)).toHaveLength(17);
  expect(await query(target, said)).toEqual(expected);
});

test('what an archive of pg_dump holds of grants on the database is named, with its SQL', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'stock_left_out',
    `
    CREATE ROLE stock_reader;
    SELECT 'GRANT TEMPORARY ON DATABASE ' || quote_ident(current_database()) || ' TO stock_reader' \\gexec
    `,
  );
  const from = join(folder, 'left-out');
  await execa(join(databases.programs, 'pg_dump'), ['-d', databases.source, '-Fc', '-f', from]);
  const { leftOut } = await restore({ from, target: databases.target, jobs: 1 });
  expect(leftOut.map(({ object }) => object)).toEqual(['ACL DATABASE stock_left_out']);
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
