import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { verify } from '../../src/index.js';
import { expectEqualDatabases } from '../integration/compare/databases.js';
import { type Databases, makeDatabases } from '../integration/databases.js';
import { leftOutButRoles } from '../integration/ferry.js';
import { expectHypertableWorks } from '../integration/hypertables.js';
import { apachePair, COMMUNITY_VERSIONS, communityPair, hasCommunity } from '../integration/servers.js';
import { query, queryValue } from '../integration/sql.js';
import { dumped, temporaryFolder } from './dumped.js';
import { restored } from './restores.js';

const TABLES = `
CREATE EXTENSION timescaledb;
SET DateStyle = 'ISO, YMD';
CREATE TABLE "to;day" (id serial PRIMARY KEY, up int REFERENCES "to;day", name text, twice int GENERATED ALWAYS AS (id * 2) STORED);
CREATE TABLE log (what text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO public.log VALUES (TG_TABLE_NAME); RETURN NEW; END $$;
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'closed'; END $$;
CREATE TABLE reading (at timestamptz NOT NULL, day int NOT NULL REFERENCES "to;day", v float8, UNIQUE (at, day));
SELECT create_hypertable('reading', 'at', chunk_time_interval => interval '1 day');
CREATE TABLE wide (id int PRIMARY KEY, text text);
CREATE TABLE thin (id int REFERENCES wide);
INSERT INTO wide SELECT i, repeat(md5(i::text), 20) FROM generate_series(1, 4000) i;
INSERT INTO thin SELECT i FROM generate_series(1, 100) i;
INSERT INTO "to;day" (up, name) SELECT i, 'd' || i FROM generate_series(1, 50) i;
UPDATE "to;day" SET up = 51 - id;
INSERT INTO reading SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 hour', 1 + i % 50, i FROM generate_series(0, 99) i;
CREATE TRIGGER noted AFTER INSERT ON reading FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER noted AFTER INSERT OR UPDATE ON "to;day" FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER closed BEFORE INSERT ON wide FOR EACH ROW EXECUTE FUNCTION refuse();
CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM reading;
CREATE VIEW shown AS SELECT * FROM reading;
SELECT lo_from_bytea(4711, 'a'), lo_from_bytea(4712, '');
`;

describe('--schema-only and --data-only', () => {
  test('definitions come without rows, and rows into them: then both sides are equal', async () => {
    const databases = await makeDatabases(await apachePair(), 'parts_both', TABLES);
    const from = await dumped(databases);

    const definitions = await restored(from, databases, { schemaOnly: true });
    expect(definitions).toMatchObject({ rows: 0, relations: 0 });
    expect(definitions.verification).toMatchObject({ equal: true, relations: { compared: 0 } });
    expect(definitions.verification?.objects.compared).toBeGreaterThan(20);
    expect(leftOutButRoles(definitions)).toEqual([]);
    expect(await queryValue(databases.target, 'SELECT count(*) FROM show_chunks($$reading$$)')).toBe('5');
    expect(await queryValue(databases.target, 'SELECT count(*) FROM reading')).toBe('0');
    expect(await queryValue(databases.target, `SELECT is_called FROM "to;day_id_seq"`)).toBe('f');
    expect(await queryValue(databases.target, 'SELECT count(*) FROM pg_largeobject_metadata')).toBe('0');

    const rows = await restored(from, databases, { dataOnly: true });
    expect(rows.verification).toMatchObject({ equal: true, rows: { source: 4250, target: 4250 } });
    expect(rows.stages.map(({ stage }) => stage)).toEqual([
      ...['connect', 'snapshot', 'restore mode', 'rows and indexes', 'sequences', 'large objects'],
      ...['materialized views', 'statistics', 'verify', 'restore mode ends', 'finish'],
    ]);
    expect((await verify({ source: databases.source, target: databases.target })).objects.different).toEqual(
      [],
    );
    await expectEqualDatabases(databases.source, databases.target, databases.programs);
    expect(await queryValue(databases.target, 'SELECT count(*) FROM log')).toBe('0');
    await expectHypertableWorks(databases.target, 'reading', {
      old: `('2026-01-01 00:30+00', 1, 1)`,
      new: `('2030-01-01 00:30+00', 1, 1)`,
    });
  });

  test('rows are refused where a table is not there, has other columns, or has rows', async () => {
    const databases = await makeDatabases(await apachePair(), 'parts_refused', TABLES);
    const from = await dumped(databases);
    const refused = () => expect(restored(from, databases, { dataOnly: true })).rejects;
    await refused().toMatchObject({ message: expect.stringContaining('expected TimescaleDB') });
    await restored(from, databases, { schemaOnly: true });
    await query(
      databases.target,
      `INSERT INTO "to;day" (name) VALUES ('x'); DROP TABLE log; ALTER TABLE thin ADD more int;
       ALTER TABLE wide ENABLE ALWAYS TRIGGER closed`,
    );
    await refused().toMatchObject({
      code: 'UNSUITABLE',
      message: expect.stringMatching(
        /it has no table public\.log\n.* are in public\.thin\n.*rows in public\.to;day\n.*closed on public\.wide/,
      ),
    });
    expect(await queryValue(databases.target, `SELECT to_regnamespace('_hyperferry')`)).toBe(null);
  });

  test('rows are refused where chunks, partitions and children that the dump does not know have some', async () => {
    const databases = await makeDatabases(
      await apachePair(),
      'parts_below',
      `CREATE EXTENSION timescaledb;
       CREATE TABLE reading (at timestamptz NOT NULL);
       SELECT create_hypertable('reading', 'at');
       INSERT INTO reading VALUES ('2026-01-01');
       CREATE TABLE part (k int) PARTITION BY LIST (k);
       CREATE TABLE part_1 PARTITION OF part FOR VALUES IN (1);
       CREATE TABLE parent (id int);
       CREATE TABLE child () INHERITS (parent);
       INSERT INTO child VALUES (1)`,
    );
    const from = await dumped(databases);
    await restored(from, databases, { schemaOnly: true });
    // What was restored apart is no stranger.
    await restored(from, databases, { dataOnly: true, only: ['child'] });
    await restored(from, databases, { dataOnly: true, only: ['parent'] });
    await query(
      databases.target,
      `TRUNCATE child;
       INSERT INTO reading VALUES ('2040-01-01');
       CREATE TABLE part_2 PARTITION OF part FOR VALUES IN (2);
       INSERT INTO part VALUES (2);
       CREATE TABLE empty () INHERITS (parent);
       CREATE TABLE kid () INHERITS (child);
       INSERT INTO kid VALUES (1)`,
    );
    const refusal = (only?: string[]) => expect(restored(from, databases, { dataOnly: true, only })).rejects;
    await refusal().toMatchObject({
      code: 'TARGET_NOT_EMPTY',
      message: expect.stringMatching(
        /there are rows in (?=.*_timescaledb_internal\._hyper_1_\d_chunk)(?=.*public\.part_2)(?=.*public\.kid)(?!.*empty)/,
      ),
    });
    await refusal(['part']).toMatchObject({ message: expect.stringMatching(/rows in public\.part_2$/) });
  });

  test.each(['hyperferry', 'pg_dump'])(
    'rows are refused where columns are of other types, and tables of another kind (%s)',
    async (maker) => {
      const databases = await makeDatabases(
        await apachePair(),
        `parts_types_${maker}`,
        `CREATE SCHEMA "odd; schema";
         CREATE DOMAIN "odd; schema"."do""main" AS int;
         CREATE TABLE same ("odd; ""name" "odd; schema"."do""main" NOT NULL, "select" text, at timestamptz(3)[] DEFAULT '{}',
           span interval, id serial, twice int GENERATED ALWAYS AS (1 + 1) STORED, code "char");
         CREATE TABLE child (more numeric) INHERITS (same);
         CREATE TABLE whole (id int, "odd; ""name" numeric(10, 2), words text[]);
         CREATE TABLE plain (id int);
         CREATE TABLE part (id int) PARTITION BY LIST (id);
         INSERT INTO whole VALUES (1, 1.25), (2, 2.25)`,
      );
      const from = maker === 'pg_dump' ? await dumpedByPgDump(databases) : await dumped(databases);
      await restored(from, databases, { schemaOnly: true });
      await query(
        databases.target,
        `ALTER TABLE whole ALTER id TYPE bigint, ALTER "odd; ""name" TYPE numeric(10, 1), ALTER words TYPE text USING words::text;
         DROP TABLE plain; CREATE TABLE plain (id int) PARTITION BY LIST (id);
         DROP TABLE part; CREATE TABLE part (id int)`,
      );
      await expect(restored(from, databases, { dataOnly: true })).rejects.toMatchObject({
        message: expect.stringMatching(
          /no (?=.*table public\.plain)(?=.*partitioned public\.part).*\n.*other ones are in public\.whole \(id is bigint\), public\.whole \(odd; "name is numeric\(10,1\)\), public\.whole \(words is text\)$/m,
        ),
      });
      await query(
        databases.target,
        `ALTER TABLE whole ALTER id TYPE int, ALTER "odd; ""name" TYPE numeric(10, 2), ALTER words TYPE text[] USING '{}';
         DROP TABLE plain; CREATE TABLE plain (id int);
         DROP TABLE part; CREATE TABLE part (id int) PARTITION BY LIST (id)`,
      );
      await restored(from, databases, { dataOnly: true });
      expect(await queryValue(databases.target, 'SELECT count(*) FROM whole')).toBe('2');
    },
  );

  test('checks that are NOT VALID are named before rows come that break them, and the rows come without them', async () => {
    const databases = await makeDatabases(
      await apachePair(),
      'parts_not_valid',
      `CREATE TABLE entry (n int); CREATE TABLE below () INHERITS (entry); INSERT INTO below VALUES (-1);
       ALTER TABLE entry ADD CONSTRAINT "pos;itive" CHECK (n > 0) NOT VALID, ADD CONSTRAINT valid CHECK (n < 9);
       CREATE DOMAIN amount AS int; ALTER DOMAIN amount ADD CONSTRAINT paid CHECK (VALUE > 0) NOT VALID;`,
    );
    const from = await dumped(databases);
    await restored(from, databases, { schemaOnly: true });
    const notices: string[] = [];
    const rows = restored(from, databases, {
      dataOnly: true,
      onEvent: (event) => event.type === 'notice' && notices.push(event.message),
    });
    await expect(rows).rejects.toThrow(/violates check constraint "pos;itive"/);
    expect(notices.join('\n')).toMatch(
      /refuse rows .*: "pos;itive" on public\.entry, paid on public\.amount \(/,
    );
    await query(databases.target, 'ALTER TABLE entry DROP CONSTRAINT "pos;itive"');
    await restored(from, databases, { dataOnly: true, resume: true });
    expect(await queryValue(databases.target, 'SELECT n FROM entry')).toBe('-1');
  });

  test('rows of a run that stopped are gone on with, and not with definitions', async () => {
    const databases = await makeDatabases(await apachePair(), 'parts_resume', TABLES);
    const from = await dumped(databases);
    await restored(from, databases, { schemaOnly: true });
    const stop = new AbortController();
    const stopped = restored(from, databases, {
      dataOnly: true,
      signal: stop.signal,
      onEvent: (event) => event.type === 'stage-finished' && event.stage === 'sequences' && stop.abort(),
    });
    await expect(stopped).rejects.toMatchObject({ code: 'INTERRUPTED' });
    await expect(restored(from, databases, { resume: true })).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('--data-only'),
    });
    // One that is found different is copied again, in spite of the key that refers to it.
    await query(
      databases.target,
      `SET session_replication_role = replica; UPDATE wide SET text = 'other' WHERE id = 1`,
    );
    await expect(restored(from, databases, { dataOnly: true, resume: true })).rejects.toMatchObject({
      code: 'DIFFERENT',
    });
    const outcome = await restored(from, databases, { dataOnly: true, resume: true });
    expect(outcome.verification?.equal).toBe(true);
    expect(outcome.resumed[0]?.again).toEqual(['public.wide']);
    await expectEqualDatabases(databases.source, databases.target, databases.programs);
  });

  test('rows of some tables come into the definitions of all', async () => {
    const databases = await makeDatabases(await apachePair(), 'parts_only', TABLES);
    const from = await dumped(databases);
    await restored(from, databases, { schemaOnly: true });
    const outcome = await restored(from, databases, { dataOnly: true, only: ['reading'] });
    expect(outcome.verification).toMatchObject({ equal: true, rows: { target: 100 } });
    expect(outcome.notices.join()).toContain('public.reading to public.to;day');
    expect(await queryValue(databases.target, 'SELECT count(*) FROM reading')).toBe('100');
    expect(await queryValue(databases.target, 'SELECT count(*) FROM wide')).toBe('0');
  });

  test('definitions of some tables come alone, and then their rows', async () => {
    const databases = await makeDatabases(await apachePair(), 'parts_only_both', TABLES);
    const from = await dumped(databases);
    const only = ['reading', '"to;day"'];
    const definitions = await restored(from, databases, { schemaOnly: true, only });
    expect(definitions.verification).toBe(undefined);
    expect(definitions.notices.join()).toContain('not compared');
    const rows = await restored(from, databases, { dataOnly: true, only });
    expect(rows.verification).toMatchObject({ equal: true, rows: { target: 150 } });
    expect(await queryValue(databases.target, `SELECT last_value FROM "to;day_id_seq"`)).toBe('50');
  });

  test('parts that cannot be had together are refused', async () => {
    const databases = await makeDatabases(await apachePair(), 'parts_usage', 'CREATE TABLE t (id int)');
    const from = await dumped(databases);
    await expect(restored(from, databases, { schemaOnly: true, dataOnly: true })).rejects.toMatchObject({
      code: 'USAGE',
    });
    await expect(restored(from, databases, { dataOnly: true, cleanTarget: true })).rejects.toMatchObject({
      code: 'USAGE',
    });
    await restored(from, databases, { schemaOnly: true, keepLedger: true });
    await expect(restored(from, databases, { dataOnly: true })).rejects.toMatchObject({
      hint: 'hyperferry clean --target …',
    });
  });

  test('a role that may not act as a replica is told so, and one that may brings rows', async () => {
    const databases = await makeDatabases(
      await apachePair(),
      'parts_rights',
      'CREATE TABLE t (id int); INSERT INTO t VALUES (1)',
    );
    const from = await dumped(databases);
    await query(
      databases.target,
      `CREATE ROLE parts_owner LOGIN; ALTER DATABASE parts_rights OWNER TO parts_owner`,
    );
    await restored(from, databases, { schemaOnly: true });
    const target = databases.target.replace('postgres@', 'parts_owner@');
    await expect(restored(from, { ...databases, target }, { dataOnly: true })).rejects.toMatchObject({
      code: 'PRIVILEGE',
      message: expect.stringMatching(/session_replication_role.*\n.*create schemas/),
    });
    await query(
      databases.target,
      'GRANT CREATE ON DATABASE parts_rights TO parts_owner; ALTER TABLE t OWNER TO parts_owner; GRANT SET ON PARAMETER session_replication_role TO parts_owner',
    );
    const outcome = await restored(from, { ...databases, target }, { dataOnly: true });
    expect(outcome.verification?.equal).toBe(true);
  });

  test('an archive of pg_dump comes in parts as well', async () => {
    const databases = await makeDatabases(await apachePair(), 'parts_stock', TABLES);
    const from = await dumpedByPgDump(databases);
    await restored(from, databases, { schemaOnly: true });
    await restored(from, databases, { dataOnly: true });
    await expectEqualDatabases(databases.source, databases.target, databases.programs);
  });
});

describe.skipIf(!hasCommunity).each(COMMUNITY_VERSIONS)(
  'parts in TimescaleDB %s, community edition',
  (version) => {
    test('compressed chunks and continuous aggregates come as definitions, then their rows', async () => {
      const databases = await makeDatabases(
        await communityPair(),
        `parts_${version.replaceAll('.', '_')}`,
        `CREATE EXTENSION timescaledb VERSION '${version}';
       SET DateStyle = 'ISO, YMD';
       CREATE TABLE device (id int PRIMARY KEY);
       CREATE TABLE reading (at timestamptz NOT NULL, device int REFERENCES device, v float8);
       SELECT create_hypertable('reading', 'at', chunk_time_interval => interval '1 day');
       INSERT INTO device SELECT generate_series(0, 4);
       INSERT INTO reading SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 hour', i % 5, i FROM generate_series(0, 99) i;
       ALTER TABLE reading SET (timescaledb.compress, timescaledb.compress_segmentby = 'device');
       SELECT compress_chunk(c) FROM show_chunks('reading', older_than => '2026-01-03 00:00+00'::timestamptz) c;
       ALTER TABLE reading ADD COLUMN added int DEFAULT 7;
       CREATE MATERIALIZED VIEW hourly WITH (timescaledb.continuous) AS
       SELECT time_bucket('6 hours', at) AS bucket, sum(v) FROM reading GROUP BY 1;
       SELECT add_retention_policy('reading', interval '100 years');`,
      );
      const from = await dumped(databases);
      const definitions = await restored(from, databases, { schemaOnly: true });
      expect(definitions.verification?.equal).toBe(true);
      expect(definitions.notices.join()).toContain('alter_job');
      expect(await queryValue(databases.target, 'SELECT count(*) FROM reading')).toBe('0');
      const rows = await restored(from, databases, { dataOnly: true });
      expect(rows.verification?.equal).toBe(true);
      expect((await verify({ source: databases.source, target: databases.target })).equal).toBe(true);
      expect(await queryValue(databases.target, 'SELECT sum(v) || $$ $$ || sum(added) FROM reading')).toBe(
        '4950 700',
      );
      expect(await queryValue(databases.target, 'SELECT sum(sum) FROM hourly')).toBe('4950');
      await expectHypertableWorks(databases.target, 'reading', {
        columns: 'at, device, v',
        old: `('2026-01-01 00:30+00', 1, 1)`,
        new: `('2030-01-01 00:30+00', 1, 1)`,
      });
    });

    test('a hypertable into the definitions of all: its continuous aggregates are empty, and how to fill them is said', async () => {
      const databases = await makeDatabases(
        await communityPair(),
        `parts_aggregate_${version.replaceAll('.', '_')}`,
        `CREATE EXTENSION timescaledb VERSION '${version}';
         CREATE SCHEMA "odd'; schema";
         CREATE TABLE reading (at timestamptz NOT NULL, v int);
         SELECT create_hypertable('reading', 'at', chunk_time_interval => interval '1 day');
         INSERT INTO reading SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 hour', i FROM generate_series(0, 99) i;
         CREATE MATERIALIZED VIEW "odd'; schema".hourly WITH (timescaledb.continuous) AS
         SELECT time_bucket('6 hours', at) AS bucket, sum(v) FROM reading GROUP BY 1;
         CREATE MATERIALIZED VIEW daily WITH (timescaledb.continuous) AS
         SELECT time_bucket('1 day', bucket) AS bucket, sum(sum) FROM "odd'; schema".hourly GROUP BY 1;`,
      );
      const from = await dumped(databases);
      await restored(from, databases, { schemaOnly: true });
      const { leftOut } = await restored(from, databases, { dataOnly: true, only: ['reading'] });
      expect(leftOut.map(({ object }) => object)).toEqual([
        `rows of continuous aggregate "odd'; schema".hourly`,
        'rows of continuous aggregate public.daily',
      ]);
      expect(await queryValue(databases.target, 'SELECT count(*) FROM daily')).toBe('0');
      for (const { sql = '' } of leftOut) await query(databases.target, sql);
      expect(await queryValue(databases.target, 'SELECT sum(sum) FROM daily')).toBe('4950');
    });

    test('rows are refused where compressed ones are in chunks that the dump does not know', async () => {
      const databases = await makeDatabases(
        await communityPair(),
        `parts_strangers_${version.replaceAll('.', '_')}`,
        `CREATE EXTENSION timescaledb VERSION '${version}';
         CREATE TABLE reading (at timestamptz NOT NULL, v int);
         SELECT create_hypertable('reading', 'at');
         ALTER TABLE reading SET (timescaledb.compress);`,
      );
      const from = await dumped(databases);
      await restored(from, databases, { schemaOnly: true });
      await query(databases.target, `INSERT INTO reading VALUES ('2040-01-01', 1)`);
      await query(databases.target, `SELECT compress_chunk(c) FROM show_chunks('reading') c`);
      await expect(restored(from, databases, { dataOnly: true })).rejects.toMatchObject({
        code: 'TARGET_NOT_EMPTY',
        message: expect.stringMatching(/rows in _timescaledb_internal\.\w*compress\w*$/),
      });
    });
  },
);

async function dumpedByPgDump({ source, programs }: Databases): Promise<string> {
  const from = join(await temporaryFolder(), 'dump');
  await execa(join(programs, 'pg_dump'), ['-Fc', '-f', from, '-d', source]);
  return from;
}
