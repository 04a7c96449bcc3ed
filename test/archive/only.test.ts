import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { type Databases, makeDatabaseBeside, makeDatabases } from '../integration/databases.js';
import { leftOutButRoles } from '../integration/ferry.js';
import { expectHypertableWorks } from '../integration/hypertables.js';
import {
  apachePair,
  COMMUNITY_VERSIONS,
  communityPair,
  hasCommunity,
  startExtraServer,
} from '../integration/servers.js';
import { query, queryValue, runScript } from '../integration/sql.js';
import { createDatabase } from '../verify/twins.js';
import { dumped, temporaryFolder } from './dumped.js';
import { restored } from './restores.js';

const ODD = `"odd ""s; --"."Read	ing;1"`;

const TABLES = `
CREATE EXTENSION timescaledb;
SET DateStyle = 'ISO, YMD';
CREATE SCHEMA "odd ""s; --";
CREATE TYPE state AS ENUM ('on', 'off');
CREATE SEQUENCE ticket START 100;
CREATE TABLE device (id int PRIMARY KEY, name text);
CREATE TABLE kept (id int PRIMARY KEY, label text DEFAULT 'none');
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.note := 'stamped'; RETURN NEW; END $$;
CREATE TABLE ${ODD} (
  at timestamptz NOT NULL, id bigserial, "st""ate" state, ticket int DEFAULT nextval('ticket'), note text CHECK (note <> ''),
  device int REFERENCES device, kept int REFERENCES kept, PRIMARY KEY (id, at)
);
SELECT create_hypertable('${ODD}', 'at', chunk_time_interval => interval '1 day');
CREATE INDEX "by;state" ON ${ODD} ("st""ate");
CREATE TRIGGER "st""amp" BEFORE INSERT ON ${ODD} FOR EACH ROW EXECUTE FUNCTION stamp();
COMMENT ON TABLE ${ODD} IS 'the odd one';
COMMENT ON COLUMN ${ODD}."st""ate" IS 'on or off';
CREATE TABLE guest (name text);
ALTER TABLE ${ODD} ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_rows ON ${ODD} USING (id > 0);
CREATE POLICY guests ON ${ODD} USING (note IN (SELECT name FROM guest));
CREATE TABLE other (at timestamptz NOT NULL, v int DEFAULT 1, PRIMARY KEY (v, at));
CREATE TABLE reading (at timestamptz NOT NULL, v int);
SELECT create_hypertable('reading', 'at', chunk_time_interval => interval '1 day');
CREATE TABLE split (id int GENERATED ALWAYS AS IDENTITY, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE split_1 PARTITION OF split FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE split_2 PARTITION OF split FOR VALUES FROM ('2026-02-01') TO ('2026-03-01') PARTITION BY LIST (id);
CREATE TABLE split_2_all PARTITION OF split_2 DEFAULT;
CREATE TABLE parent (id int);
CREATE TABLE child (more text) INHERITS (parent);
INSERT INTO device VALUES (1, 'a'); INSERT INTO kept VALUES (1); INSERT INTO guest VALUES ('stamped');
INSERT INTO ${ODD} (at, "st""ate", device, kept) SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 hour', 'on', 1, 1
FROM generate_series(0, 99) i;
INSERT INTO reading SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 hour', i FROM generate_series(0, 99) i;
INSERT INTO other SELECT '2026-01-01', i FROM generate_series(1, 10) i;
INSERT INTO split (at) SELECT '2026-01-10'::date + i FROM generate_series(0, 40) i;
INSERT INTO parent VALUES (1); INSERT INTO child VALUES (2, 'x');
CREATE VIEW shown AS SELECT * FROM reading;
CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM reading;
SELECT lo_from_bytea(4711, 'a');
`;

describe('--only', () => {
  test('a hypertable comes with its chunks and what belongs to it, and nothing of the others', async () => {
    const databases = await makeDatabases(await apachePair(), 'only_odd', TABLES);
    const outcome = await restored(await dumped(databases), databases, { only: [ODD, 'KEPT'] });

    expect(leftOutButRoles(outcome).map(({ object }) => object)).toEqual([
      `FK CONSTRAINT odd "s; --.Read	ing;1 Read	ing;1_device_fkey`,
      `POLICY odd "s; --.Read	ing;1 guests`,
    ]);
    expect(leftOutButRoles(outcome)[0]?.sql).toMatch(
      /^ALTER TABLE .* FOREIGN KEY \(device\) REFERENCES public\.device/s,
    );
    expect(outcome.verification).toMatchObject({ equal: true, rows: { source: 101, target: 101 } });
    expect(outcome.verification?.notCompared.map(({ object }) => object)).toContain(
      "definitions, sequences, and TimescaleDB's catalog",
    );
    expect(await tablesOf(databases)).toEqual([`"odd ""s; --"."Read	ing;1"`, 'public.kept']);
    expect(await belongings(databases.target)).toEqual([
      ...[
        'CHECK Read	ing;1_note_check',
        'FOREIGN KEY Read	ing;1_kept_fkey',
        'index by;state',
        'policy all_rows',
      ],
      ...['the odd one', 'trigger st"amp'],
    ]);
    expect(await queryValue(databases.target, `SELECT last_value FROM ticket`)).toBe('199');
    expect(await queryValue(databases.target, 'SELECT count(*) FROM pg_largeobject_metadata')).toBe('0');
    await expectNoTraces(databases.target, ['odd "s; --']);
    await expectHypertableWorks(databases.target, ODD, {
      columns: 'at, "st""ate", device, kept',
      old: `('2026-01-01 00:30+00', 'off', 9, 1)`,
      new: `('2030-01-01 00:30+00', 'off', 9, 1)`,
    });
    await expect(
      query(databases.target, `INSERT INTO ${ODD} (at, kept) VALUES ('2026-01-01', 9)`),
    ).rejects.toThrow('foreign key');
  });

  test('a plain table needs no TimescaleDB, and its foreign keys come with the tables that they name', async () => {
    const databases = await makeDatabases(await apachePair(), 'only_plain', TABLES);
    const outcome = await restored(await dumped(databases), databases, { only: ['public.kept'] });
    expect(outcome.rows).toBe(1);
    expect(
      await queryValue(databases.target, `SELECT count(*) FROM pg_extension WHERE extname = 'timescaledb'`),
    ).toBe('0');
  });

  test('a partitioned table comes with its partitions, and a child with the definition of its parent', async () => {
    const databases = await makeDatabases(await apachePair(), 'only_partitions', TABLES);
    const outcome = await restored(await dumped(databases), databases, { only: ['split', 'child'] });
    expect(await tablesOf(databases)).toEqual(
      ['child', 'parent', 'split', 'split_1', 'split_2', 'split_2_all'].map((name) => `public.${name}`),
    );
    expect(await queryValue(databases.target, 'SELECT count(*) FROM split')).toBe('41');
    expect(await queryValue(databases.target, 'SELECT count(*) FROM ONLY parent')).toBe('0');
    expect(await queryValue(databases.target, 'SELECT count(*) FROM child')).toBe('1');
    expect(leftOutButRoles(outcome).map(({ object }) => object)).toEqual(['rows of public.parent']);
    await query(databases.target, `INSERT INTO split (at) VALUES ('2026-02-10')`);
    expect(await queryValue(databases.target, 'SELECT max(id) FROM split')).toBe('42');
  });

  test('a partition comes alone, with its indexes, and is attached where its table comes as well', async () => {
    const databases = await makeDatabases(
      await apachePair(),
      'only_partition',
      `CREATE TABLE part (k int PRIMARY KEY, t text) PARTITION BY LIST (k);
       CREATE TABLE part_1 PARTITION OF part FOR VALUES IN (1);
       CREATE TABLE part_2 PARTITION OF part FOR VALUES IN (2);
       CREATE INDEX ON part (t);
       INSERT INTO part VALUES (1, 'a'), (2, 'b')`,
    );
    const from = await dumped(databases);
    const outcome = await restored(from, databases, { only: ['part_1'] });
    expect(outcome.rows).toBe(1);
    const indexes = `SELECT string_agg(indexname, ' ' ORDER BY indexname) FROM pg_indexes WHERE schemaname = 'public'`;
    expect(await queryValue(databases.target, indexes)).toBe('part_1_pkey part_1_t_idx');
    const target = await makeDatabaseBeside(databases.target);
    await restored(from, { ...databases, target }, { only: ['part'] });
    expect(await queryValue(target, indexes)).toBe(await queryValue(databases.source, indexes));
    expect(await queryValue(target, `SELECT count(*) FROM pg_inherits`)).toBe('6');
  });

  test('an exclusion constraint comes with the extension that has its operators', async () => {
    const databases = await makeDatabases(
      await apachePair(),
      'only_exclusion',
      `CREATE EXTENSION timescaledb;
       CREATE EXTENSION btree_gist;
       CREATE EXTENSION citext;
       CREATE TABLE booking (room int, during int4range, EXCLUDE USING gist (room WITH =, during WITH &&));
       CREATE TABLE other (id int PRIMARY KEY);
       INSERT INTO booking VALUES (1, '[1,2]')`,
    );
    const from = await dumped(databases);
    const extensions = `SELECT string_agg(extname, ' ' ORDER BY extname) FROM pg_extension`;
    await restored(from, databases, { only: ['booking'] });
    expect(await queryValue(databases.target, extensions)).toBe('btree_gist citext plpgsql');
    await expect(query(databases.target, `INSERT INTO booking VALUES (1, '[2,3]')`)).rejects.toThrow(
      'exclusion',
    );
    const target = await makeDatabaseBeside(databases.target);
    await restored(from, { ...databases, target }, { only: ['other'] });
    expect(await queryValue(target, extensions)).toBe('plpgsql');
  });

  test('a key without overlaps, of PostgreSQL 18, comes with the extension that has its operators', async () => {
    const server = await startExtraServer('only-18', { postgres: 18 });
    const source = await createDatabase(server, 'only_overlaps', 'template0');
    await runScript(
      server.binFolder,
      source,
      `CREATE EXTENSION btree_gist;
       CREATE TABLE stay (id int, during int4range, PRIMARY KEY (id, during WITHOUT OVERLAPS));
       CREATE TABLE other (id int PRIMARY KEY);
       INSERT INTO stay VALUES (1, '[1,2]')`,
    );
    const target = await makeDatabaseBeside(source);
    const databases = { source, target, programs: server.binFolder };
    const outcome = await restored(await dumped(databases), databases, { only: ['stay'] });
    expect(outcome.verification).toMatchObject({ equal: true, rows: { source: 1, target: 1 } });
    await expect(query(target, `INSERT INTO stay VALUES (1, '[2,3]')`)).rejects.toThrow('exclusion');
  });

  test('what is no table is refused, with the names that are like it', async () => {
    const databases = await makeDatabases(await apachePair(), 'only_unknown', TABLES);
    const from = await dumped(databases);
    const refused = (...only: string[]) => expect(restored(from, databases, { only })).rejects;
    await refused('readin').toMatchObject({ code: 'USAGE', hint: 'It has public.reading.' });
    await refused('read	ing;1').toMatchObject({
      code: 'USAGE',
      hint: expect.stringContaining('"odd ""s; --"."Read	ing;1"'),
    });
    await refused('shown').toMatchObject({
      message: 'expected a table or a hypertable, but shown is a view',
    });
    await refused('_hyper_2_6_chunk').toMatchObject({ hint: 'Name the whole: --only public.reading' });
    await refused('a.b.c').toMatchObject({ code: 'USAGE' });
    expect(await tablesOf(databases)).toEqual([]);
  });

  test('a run that stopped goes on with the tables that it began with, and with no others', async () => {
    const databases = await makeDatabases(await apachePair(), 'only_resume', TABLES);
    const from = await dumped(databases);
    const stop = new AbortController();
    const stopped = restored(from, databases, {
      only: ['reading', 'other'],
      signal: stop.signal,
      onEvent: (event) =>
        event.type === 'stage-finished' && event.stage === 'rows and indexes' && stop.abort(),
    });
    await expect(stopped).rejects.toMatchObject({ code: 'INTERRUPTED' });
    await expect(restored(from, databases, { only: ['reading'], resume: true })).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('--only'),
    });
    const outcome = await restored(from, databases, { only: ['public.other', 'READING'], resume: true });
    expect(outcome.verification?.equal).toBe(true);
    expect(outcome.rows).toBe(110);
  });

  test('an archive of pg_dump is narrowed as well', async () => {
    const databases = await makeDatabases(await apachePair(), 'only_stock', TABLES);
    const from = join(await temporaryFolder(), 'dump');
    await execa(join(databases.programs, 'pg_dump'), ['-Fc', '-f', from, '-d', databases.source]);
    await restored(from, databases, { only: [ODD, 'split'] });
    expect(await queryValue(databases.target, `SELECT count(*) FROM ${ODD}`)).toBe('100');
    expect(await queryValue(databases.target, 'SELECT count(*) FROM split')).toBe('41');
    await expectNoTraces(databases.target, ['odd "s; --']);
    await expectHypertableWorks(databases.target, ODD, {
      columns: 'at',
      old: `('2026-01-01 00:30+00')`,
      new: `('2030-01-01 00:30+00')`,
    });
  });
});

describe.skipIf(!hasCommunity).each(COMMUNITY_VERSIONS)(
  '--only in TimescaleDB %s, community edition',
  (version) => {
    const suffix = version.replaceAll('.', '_');
    const script = `
CREATE EXTENSION timescaledb VERSION '${version}';
SET DateStyle = 'ISO, YMD';
CREATE TABLE device (id int PRIMARY KEY);
CREATE TABLE reading (at timestamptz NOT NULL, device int REFERENCES device, v float8, UNIQUE (device, at));
SELECT create_hypertable('reading', 'at', chunk_time_interval => interval '1 day');
CREATE TABLE counter (at int NOT NULL, v int);
SELECT create_hypertable('counter', 'at', chunk_time_interval => 24);
CREATE FUNCTION now_of_counter() RETURNS int LANGUAGE sql STABLE AS 'SELECT 1000';
SELECT set_integer_now_func('counter', 'now_of_counter');
CREATE TABLE other (at timestamptz NOT NULL, v int);
SELECT create_hypertable('other', 'at', chunk_time_interval => interval '1 day');
INSERT INTO device SELECT generate_series(0, 4);
INSERT INTO reading SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 hour', i % 5, i FROM generate_series(0, 99) i;
INSERT INTO counter SELECT i, i FROM generate_series(0, 99) i;
INSERT INTO other SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 hour', i FROM generate_series(0, 99) i;
ALTER TABLE reading SET (timescaledb.compress, timescaledb.compress_segmentby = 'device');
ALTER TABLE other SET (timescaledb.compress);
SELECT compress_chunk(c) FROM show_chunks('reading', older_than => '2026-01-03 00:00+00'::timestamptz) c;
SELECT compress_chunk(c) FROM show_chunks('other', older_than => '2026-01-03 00:00+00'::timestamptz) c;
CREATE MATERIALIZED VIEW hourly WITH (timescaledb.continuous) AS
SELECT time_bucket('6 hours', at) AS bucket, sum(v) FROM other GROUP BY 1;
SELECT add_retention_policy('reading', interval '100 years'), add_compression_policy('other', interval '100 years'),
       add_continuous_aggregate_policy('hourly', NULL, interval '1 hour', interval '1 hour');
CREATE PROCEDURE tidy(int, jsonb) LANGUAGE sql AS 'SELECT 1';
SELECT add_job('tidy', '1 hour');`;

    test('compressed chunks come, and no trace of another hypertable and its continuous aggregate', async () => {
      const databases = await makeDatabases(await communityPair(), `only_${suffix}`, script);
      const outcome = await restored(await dumped(databases), databases, { only: ['reading', 'counter'] });
      expect(outcome.verification).toMatchObject({ equal: true });
      expect(leftOutButRoles(outcome).map(({ object }) => object)).toEqual([
        'FK CONSTRAINT public.reading reading_device_fkey',
      ]);
      expect(await tablesOf(databases)).toEqual(['public.counter', 'public.reading']);
      await expectNoTraces(databases.target, ['public']);
      expect(
        await queryValue(
          databases.target,
          `SELECT count(*) FROM timescaledb_information.chunks WHERE is_compressed`,
        ),
      ).toBe('2');
      expect(
        await query(
          databases.target,
          `SELECT hypertable_name::text AS name FROM timescaledb_information.jobs WHERE job_id >= 1000`,
        ),
      ).toEqual([{ name: 'reading' }]);
      expect(await queryValue(databases.target, 'SELECT now_of_counter()')).toBe('1000');
      await expectHypertableWorks(databases.target, 'reading', {
        old: `('2026-01-01 00:30+00', 1, 1)`,
        new: `('2030-01-01 00:30+00', 9, 1)`,
      });
      await query(databases.target, `SELECT compress_chunk(c) FROM show_chunks('reading') c`);
      expect(await queryValue(databases.target, 'SELECT count(*) FROM reading')).toBe('102');
    });

    test('a hypertable comes without its continuous aggregate, which is said', async () => {
      const databases = await makeDatabases(await communityPair(), `only_aggregate_${suffix}`, script);
      const outcome = await restored(await dumped(databases), databases, { only: ['other'] });
      expect(leftOutButRoles(outcome).map(({ object }) => object)).toEqual([
        'continuous aggregate public.hourly',
      ]);
      await expectNoTraces(databases.target, ['public']);
      await expectHypertableWorks(databases.target, 'other', {
        old: `('2026-01-01 00:30+00', 1)`,
        new: `('2030-01-01 00:30+00', 9)`,
      });
      await query(databases.target, 'DROP TABLE other');
    });

    test('compressed chunks come from an archive of pg_dump', async () => {
      const databases = await makeDatabases(await communityPair(), `only_stock_${suffix}`, script);
      const from = join(await temporaryFolder(), 'dump');
      await execa(join(databases.programs, 'pg_dump'), ['-Fd', '-f', from, '-d', databases.source]);
      await restored(from, databases, { only: ['reading', 'device'] });
      expect(await queryValue(databases.target, 'SELECT count(*) FROM reading')).toBe('100');
      expect(await queryValue(databases.target, 'SELECT sum(v) FROM reading')).toBe('4950');
      await expectNoTraces(databases.target, ['public']);
    });
  },
);

async function tablesOf({ target }: Databases): Promise<string[]> {
  const rows = await query<{ name: string }>(
    target,
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
     WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND schemaname NOT LIKE '\\_timescaledb%' ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}

/** What belongs to the tables of the odd schema, by kind and name. */
async function belongings(url: string): Promise<string[]> {
  const rows = await query<{ name: string }>(
    url,
    `SELECT name FROM (
       SELECT CASE contype WHEN 'c' THEN 'CHECK ' ELSE 'FOREIGN KEY ' END || conname AS name FROM pg_constraint
       WHERE contype IN ('c', 'f') AND connamespace::regnamespace::text LIKE '%odd%'
       UNION ALL SELECT 'index ' || indexname FROM pg_indexes WHERE schemaname LIKE 'odd%' AND indexname LIKE 'by%'
       UNION ALL SELECT 'policy ' || polname FROM pg_policy
       UNION ALL SELECT 'trigger ' || tgname FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid
                 WHERE NOT tgisinternal AND tgname <> 'ts_insert_blocker' AND relname LIKE 'Read%'
       UNION ALL SELECT description FROM pg_description WHERE description LIKE '%odd%') AS b ORDER BY name COLLATE "C"`,
  );
  return rows.map(({ name }) => name);
}

/** All rows of TimescaleDB's catalog belong to hypertables of these schemas, and all relations in it are there. */
async function expectNoTraces(url: string, schemas: readonly string[]): Promise<void> {
  const [found] = await query<Record<string, string>>(
    url,
    `SELECT (SELECT count(*) FROM _timescaledb_catalog.hypertable
             WHERE schema_name <> ALL ('{${schemas.map((name) => `"${name.replaceAll('"', '\\"')}"`).join(',')}}'::text[])
               AND table_name::text NOT LIKE '\\_compressed%') AS hypertables,
            (SELECT count(*) FROM _timescaledb_catalog.dimension WHERE hypertable_id NOT IN
              (SELECT id FROM _timescaledb_catalog.hypertable)) AS dimensions,
            (SELECT count(*) FROM _timescaledb_catalog.dimension_slice WHERE dimension_id NOT IN
              (SELECT id FROM _timescaledb_catalog.dimension)) AS slices,
            (SELECT count(*) FROM _timescaledb_catalog.chunk WHERE hypertable_id NOT IN
              (SELECT id FROM _timescaledb_catalog.hypertable)) AS chunks,
            (SELECT count(*) FROM _timescaledb_catalog.compression_settings
             WHERE relid::text ~ '^[0-9]+$' OR compress_relid::text ~ '^[0-9]+$') AS settings,
            (SELECT count(*) FROM _timescaledb_catalog.continuous_agg) AS aggregates,
            (SELECT count(*) FROM _timescaledb_catalog.continuous_aggs_invalidation_threshold) AS thresholds,
            (SELECT count(*) FROM pg_views WHERE viewname LIKE '\\_partial%' OR viewname LIKE '\\_direct%') AS views,
            (SELECT count(*) FROM pg_trigger WHERE tgname = 'ts_cagg_invalidation_trigger') AS triggers`,
  );
  expect(found).toEqual(Object.fromEntries(Object.keys(found ?? {}).map((name) => [name, '0'])));
}
