import { beforeAll, expect, test } from 'vitest';
import { verify } from '../../src/verify/verify.js';
import { apachePair, communityPair, hasCommunity } from '../integration/servers.js';
import { query, runScript } from '../integration/sql.js';
import { found } from './found.js';
import { createDatabase, makeTwins, type Twins } from './twins.js';

const CONTENT = `
DROP ROLE IF EXISTS verify_reader;
CREATE ROLE verify_reader;
CREATE EXTENSION timescaledb;
CREATE TABLE plain (id int PRIMARY KEY, note text DEFAULT 'none', bytes bytea, value float8, exact numeric);
CREATE INDEX plain_note ON plain (note);
CREATE UNIQUE INDEX plain_value ON plain (id, value);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TRIGGER touched BEFORE UPDATE ON plain FOR EACH ROW EXECUTE FUNCTION touch();
GRANT SELECT, INSERT ON plain TO verify_reader;
COMMENT ON TABLE plain IS 'readings by hand';
INSERT INTO plain SELECT i, 'note ' || i, decode(repeat('00ff', 50), 'hex'), i / 3.0, i / 7.0 FROM generate_series(1, 100) AS i;
UPDATE plain SET value = 0, exact = 1.0 WHERE id = 1;
UPDATE plain SET note = '' WHERE id = 2;
CREATE TABLE nothing_unique (a int, b text) WITH (toast.autovacuum_enabled = off);
INSERT INTO nothing_unique VALUES (1, 'x'), (1, 'x'), (2, NULL);
CREATE SEQUENCE counter;
CREATE TYPE point_of AS (x int, y int);
CREATE TABLE held (x int, y int);
CREATE DOMAIN holder AS held[];
CREATE TABLE holding (held holder);
CREATE TABLE not_held (x int, y int);
CREATE EXTENSION hstore;
CREATE TABLE adopted (a int);
ALTER EXTENSION hstore ADD TABLE adopted;
SELECT nextval('counter');
CREATE VIEW seen AS SELECT id FROM plain;
CREATE TABLE reading (at timestamptz NOT NULL, device int, value float8);
SELECT create_hypertable('reading', 'at', chunk_time_interval => interval '1 day');
INSERT INTO reading SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 hour', i % 4, i FROM generate_series(0, 71) AS i;
SELECT lo_from_bytea(4711, 'abc');
ALTER TABLE plain ENABLE ROW LEVEL SECURITY;
CREATE OPERATOR CLASS backwards FOR TYPE int USING btree AS
  OPERATOR 1 >, OPERATOR 2 >=, OPERATOR 3 =, OPERATOR 4 <=, OPERATOR 5 <, FUNCTION 1 btint4cmp(int, int);
CREATE POLICY readers ON plain FOR SELECT TO verify_reader USING (id > 3);
CREATE TABLE measured (at timestamptz PRIMARY KEY);
SELECT create_hypertable('measured', 'at');
INSERT INTO measured VALUES ('2026-01-01 00:00+00');
CREATE TABLE alarm (at timestamptz REFERENCES measured);
`;

const FIRST_CHUNK = '_timescaledb_internal._hyper_1_1_chunk';
const SECOND_CHUNK = '_timescaledb_internal._hyper_1_2_chunk';

/** Each change of the target, and all that the comparison must name, and nothing else. */
const DAMAGES: readonly [title: string, sql: string, named: readonly string[]][] = [
  [
    'one flipped bit of a byte',
    `UPDATE plain SET bytes = set_bit(bytes, 77, 1 - get_bit(bytes, 77)) WHERE id = 50`,
    ['rows of public.plain different'],
  ],
  ['a missing row', `DELETE FROM plain WHERE id = 50`, ['rows of public.plain different']],
  [
    'a doubled row',
    `INSERT INTO nothing_unique VALUES (2, NULL)`,
    ['rows of public.nothing_unique different'],
  ],
  [
    'one row doubled and another lost',
    `UPDATE nothing_unique SET a = 2, b = NULL WHERE ctid = '(0,1)'`,
    ['rows of public.nothing_unique different'],
  ],
  [
    'two values that changed places',
    `UPDATE plain SET note = 'note ' || (13 - id) WHERE id IN (6, 7)`,
    ['rows of public.plain different'],
  ],
  ['-0 for 0', `UPDATE plain SET value = '-0' WHERE id = 1`, ['rows of public.plain different']],
  ['1.00 for 1.0', `UPDATE plain SET exact = 1.00 WHERE id = 1`, ['rows of public.plain different']],
  [
    'NULL for the empty text',
    `UPDATE plain SET note = NULL WHERE id = 2`,
    ['rows of public.plain different'],
  ],
  [
    'a row moved to another chunk',
    `WITH gone AS (DELETE FROM ONLY ${FIRST_CHUNK} WHERE value = 5 RETURNING *)
     INSERT INTO reading SELECT at + interval '1 day', device, value FROM gone`,
    [`rows of ${FIRST_CHUNK} different`, `rows of ${SECOND_CHUNK} different`],
  ],
  [
    'a changed default',
    `ALTER TABLE plain ALTER note SET DEFAULT 'some'`,
    ['columns of table public.plain different'],
  ],
  ['a missing index', `DROP INDEX plain_note`, ['index public.plain_note missing on target']],
  [
    'an index that is invalid',
    `UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'plain_note'::regclass`,
    ['index public.plain_note missing on target'],
  ],
  [
    'a disabled trigger',
    `ALTER TABLE plain DISABLE TRIGGER touched`,
    ['trigger touched on public.plain different'],
  ],
  ['a lost grant', `REVOKE INSERT ON plain FROM verify_reader`, ['grants on table public.plain different']],
  ['a wrong sequence value', `SELECT setval('counter', 9)`, ['value of sequence public.counter different']],
  [
    'a changed view',
    `CREATE OR REPLACE VIEW seen AS SELECT id FROM plain WHERE id > 0`,
    ['query of view public.seen different'],
  ],
  ['a lost comment', `COMMENT ON TABLE plain IS NULL`, ['comment on table public.plain missing on target']],
  [
    'a changed policy',
    `ALTER POLICY readers ON plain USING (id > 4)`,
    ['policy readers on public.plain different'],
  ],
  [
    'attributes of a composite type in another order',
    `DROP TYPE point_of; CREATE TYPE point_of AS (y int, x int)`,
    ['columns of composite type public.point_of different'],
  ],
  [
    'columns in another order, of a table whose rows a column holds',
    `DROP TABLE holding, not_held; DROP DOMAIN holder; DROP TABLE held;
     CREATE TABLE held (y int, x int); CREATE DOMAIN holder AS held[]; CREATE TABLE holding (held holder);
     CREATE TABLE not_held (y int, x int)`,
    ['columns of table public.held different'],
  ],
  [
    'a member that somebody had added to an extension',
    `ALTER EXTENSION hstore DROP TABLE adopted; DROP TABLE adopted`,
    ['member of extension hstore table public.adopted missing on target'],
  ],
  [
    'another owner',
    `ALTER TABLE nothing_unique OWNER TO verify_reader`,
    ['owner of table public.nothing_unique different'],
  ],
  [
    'a foreign key to a hypertable that the chunks do not know',
    `SET event_triggers = off; ALTER TABLE alarm DROP CONSTRAINT alarm_at_fkey, ADD FOREIGN KEY (at) REFERENCES measured`,
    ['constraint alarm_at_fkey on public.alarm different'],
  ],
  [
    'another owner of an operator class and of its family',
    `ALTER OPERATOR CLASS backwards USING btree OWNER TO verify_reader;
     ALTER OPERATOR FAMILY backwards USING btree OWNER TO verify_reader`,
    [
      'owner of operator class public.backwards USING btree different',
      'owner of operator family public.backwards USING btree different',
    ],
  ],
  ['a changed storage option', `ALTER TABLE plain SET (fillfactor = 50)`, ['table public.plain different']],
  [
    'a lost option of a TOAST table',
    `ALTER TABLE nothing_unique RESET (toast.autovacuum_enabled)`,
    ['table public.nothing_unique different'],
  ],
  ['a changed large object', `SELECT lo_put(4711, 0, 'x')`, ['large object 4711 different']],
  [
    'a lost table',
    `DROP TABLE nothing_unique`,
    ['rows of public.nothing_unique missing on target', 'table public.nothing_unique missing on target'],
  ],
  [
    'another chunk interval',
    `SELECT set_chunk_time_interval('reading', interval '2 days')`,
    ['_timescaledb_catalog.dimension id = 1 different'],
  ],
];

let twins: Twins;

beforeAll(async () => {
  twins = await makeTwins((await apachePair()).target, 'verify_damage', CONTENT);
});

test('a database and its copy are equal, every object counted', async () => {
  const verification = await verify({ ...twins, jobs: 2 });
  expect(found(verification)).toEqual([]);
  expect(verification).toMatchObject({
    equal: true,
    relations: { compared: 12 },
    rows: { source: 176, target: 176 },
  });
  expect(verification.objects.compared).toBeGreaterThan(30);
});

test.each(DAMAGES)('%s is found and named', async (_, sql, named) => {
  const target = await createDatabase((await apachePair()).target, 'verify_damaged', 'verify_damage');
  await runScript(twins.programs, target, sql);
  const verification = await verify({ ...twins, target, jobs: 2 });
  expect(found(verification)).toEqual([...named]);
  expect(verification.equal).toBe(false);
});

test('differing rows are shown by their key, with the columns that differ', async () => {
  const target = await createDatabase((await apachePair()).target, 'verify_shown', 'verify_damage');
  await runScript(
    twins.programs,
    target,
    `UPDATE plain SET note = 'other' WHERE id = 8; DELETE FROM plain WHERE id = 9; INSERT INTO plain (id) VALUES (200);`,
  );
  const [difference] = (await verify({ ...twins, target })).relations.different;
  const examples = difference?.state === 'different' ? difference.examples : [];
  expect(examples).toHaveLength(3);
  expect(examples).toContainEqual({
    key: { id: '8' },
    source: [{ note: 'note 8' }],
    target: [{ note: 'other' }],
  });
  expect(examples).toContainEqual(expect.objectContaining({ key: { id: '9' }, target: [] }));
  expect(examples).toContainEqual(expect.objectContaining({ key: { id: '200' }, source: [] }));
});

test('counts alone find a missing row, and not a changed one', async () => {
  const target = await createDatabase((await apachePair()).target, 'verify_counted', 'verify_damage');
  await runScript(twins.programs, target, `UPDATE plain SET note = 'other' WHERE id = 8`);
  expect(found(await verify({ ...twins, target, mode: 'counts' }))).toEqual([]);
  await runScript(twins.programs, target, `DELETE FROM plain WHERE id = 9`);
  expect(found(await verify({ ...twins, target, mode: 'counts' }))).toEqual([
    'rows of public.plain different',
  ]);
});

test('a pattern of tables confines the comparison to their rows, chunks among them', async () => {
  const target = await createDatabase((await apachePair()).target, 'verify_pattern', 'verify_damage');
  await runScript(twins.programs, target, `DELETE FROM plain; DELETE FROM reading WHERE value = 5`);
  const verification = await verify({ ...twins, target, tables: 'public.read*' });
  expect(found(verification)).toEqual([`rows of ${FIRST_CHUNK} different`]);
  expect(verification.relations.compared).toBe(4);
  for (const options of [{ tables: 'raeding' }, { tables: 'raeding', logical: true }]) {
    await expect(verify({ ...twins, ...options })).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('neither side has one of the name raeding'),
    });
  }
});

test('the comparison changes nothing and takes no lock above ACCESS SHARE', async () => {
  const seen = new Set<string>();
  const [source, target] = [twins.source, twins.target].map((url) => new URL(url).pathname.slice(1));
  let isRunning = true;
  const watch = async (): Promise<void> => {
    while (isRunning) {
      const locks = await query<{ lock: string }>(
        twins.source,
        `SELECT DISTINCT l.locktype || ' ' || l.mode AS lock FROM pg_locks l
         JOIN pg_stat_activity a USING (pid) WHERE a.application_name = 'hyperferry'
           AND a.datname IN ('${source}', '${target}')
           -- Every login locks its database.
           AND l.classid IS DISTINCT FROM 'pg_database'::regclass`,
      );
      for (const { lock } of locks) seen.add(lock);
    }
  };
  const watching = watch();
  for (let round = 0; round < 3; round++) await verify({ ...twins, jobs: 2 });
  isRunning = false;
  await watching;
  // Whatever writes a relation locks it as ROW EXCLUSIVE at least. (Some versions of TimescaleDB give a reader a transaction id.)
  const harmless = ['relation AccessShareLock', 'virtualxid ExclusiveLock', 'transactionid ExclusiveLock'];
  expect([...seen].filter((lock) => !harmless.includes(lock))).toEqual([]);
  expect(seen).toContain('relation AccessShareLock');
});

test.runIf(hasCommunity)(
  'jobs, watermarks and compressed rows that differ are named (needs the community edition)',
  async () => {
    const server = (await communityPair()).target;
    const { source, target, programs } = await makeTwins(server, 'verify_community', COMMUNITY_CONTENT);
    expect(found(await verify({ source, target }))).toEqual([]);
    await runScript(
      programs,
      target,
      `SELECT alter_job(job_id, schedule_interval => interval '3 days') FROM timescaledb_information.jobs WHERE proc_name = 'policy_retention';
       UPDATE _timescaledb_catalog.continuous_aggs_watermark SET watermark = watermark - 1;
       SET timescaledb.restoring = on;
       DO $$ BEGIN EXECUTE format('UPDATE %s SET device = device + 100 WHERE device = 1',
         (SELECT min(format('%I.%I', n.nspname, c.relname)) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relkind = 'r' AND a.attname = '_ts_meta_count' AND c.relname <> '_compressed_hypertable_3'
          AND pg_relation_size(c.oid) > 0)); END $$;`,
    );
    const names = found(await verify({ source, target }));
    expect(names).toHaveLength(3);
    expect(names[0]).toMatch(/bgw_job id = \d+ different$/);
    expect(names[1]).toMatch(/continuous_aggs_watermark mat_hypertable_id = \d+ different$/);
    expect(names[2]).toMatch(/^rows of _timescaledb_internal\..*compress.* different$/);
  },
);

const COMMUNITY_CONTENT = `
CREATE EXTENSION timescaledb;
CREATE TABLE reading (at timestamptz NOT NULL, device int, value float8, always_null text);
SELECT create_hypertable('reading', 'at', chunk_time_interval => interval '1 day');
INSERT INTO reading SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 hour', i % 4, i FROM generate_series(0, 71) AS i;
ALTER TABLE reading SET (timescaledb.compress, timescaledb.compress_segmentby = 'device');
SELECT compress_chunk(c) FROM (SELECT c FROM show_chunks('reading') AS c LIMIT 2) AS chunk;
CREATE MATERIALIZED VIEW daily WITH (timescaledb.continuous) AS
  SELECT time_bucket('1 day', at) AS day, avg(value) FROM reading GROUP BY 1 WITH NO DATA;
CALL refresh_continuous_aggregate('daily', NULL, '2026-01-03');
SELECT add_retention_policy('reading', interval '1000 years');
`;
