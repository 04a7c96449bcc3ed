import type pg from 'pg';
import { expect, test } from 'vitest';
import { verify } from '../../src/verify/verify.js';
import { Dice, SEED } from '../dice.js';
import { apachePair, communityPair, hasCommunity } from '../integration/servers.js';
import { withClient } from '../integration/sql.js';
import { found } from './found.js';
import { makeTwins } from './twins.js';

const ROUNDS = 200;

const CONTENT = `
DROP ROLE IF EXISTS verify_random;
CREATE ROLE verify_random;
CREATE EXTENSION timescaledb;
CREATE TABLE reading (at timestamptz NOT NULL, device int, value float8, exact numeric, note text, bytes bytea, flags bool[]);
SELECT create_hypertable('reading', 'at', chunk_time_interval => interval '1 day');
INSERT INTO reading
SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 hour', i % 4, i / 3.0, i, CASE WHEN i % 5 > 0 THEN 'note ' || i END,
       decode(md5(i::text), 'hex'), ARRAY[i % 2 = 0, NULL] FROM generate_series(0, 119) AS i;
CREATE TABLE plain (id int DEFAULT 1, key bigint, document jsonb, label varchar(20), day date);
INSERT INTO plain SELECT i, i * 1000000007::bigint, jsonb_build_object('n', i), 'label ' || i, '2026-01-01'::date + i
FROM generate_series(1, 60) AS i;
CREATE INDEX plain_id ON plain (id);
CREATE INDEX plain_key ON plain (key);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TRIGGER touched BEFORE UPDATE ON plain FOR EACH ROW EXECUTE FUNCTION touch();
GRANT SELECT, INSERT ON plain TO verify_random;
COMMENT ON COLUMN plain.key IS 'large';
CREATE SEQUENCE counter;
`;

const COMMUNITY_CONTENT = `
ALTER TABLE reading SET (timescaledb.compress, timescaledb.compress_segmentby = 'device');
SELECT compress_chunk(c) FROM (SELECT c FROM show_chunks('reading') AS c LIMIT 2) AS chunk;
CREATE MATERIALIZED VIEW daily WITH (timescaledb.continuous) AS
  SELECT time_bucket('1 day', at) AS day, avg(value) FROM reading GROUP BY 1 WITH NO DATA;
CALL refresh_continuous_aggregate('daily', NULL, '2026-01-03');
SELECT add_retention_policy('reading', interval '1000 years');
`;

/** A damage, in words, and the SQL that takes it back. Undefined: this round's dice gave none that can be done. */
type Damage = (client: pg.Client, dice: Dice) => Promise<{ what: string; undo: string } | undefined>;

const READ_TABLES = `
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND pg_relation_size(c.oid) > 0 AND n.nspname IN ('public', '_timescaledb_internal')
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e') ORDER BY 1`;

const READ_COLUMNS = `
SELECT quote_ident(attname) AS name, format_type(atttypid, NULL) AS type, attnotnull AS "notNull" FROM pg_attribute
WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`;

/** Another value of the type for the column `v`, by one step or one bit; SQL. */
const OTHER_VALUE: Readonly<Record<string, string>> = {
  integer: 'v + 1',
  bigint: 'v # 1099511627776',
  'double precision': `CASE WHEN v = 0 THEN -v ELSE v * (1 + 2.3e-16::float8) + CASE WHEN v * (1 + 2.3e-16::float8) = v THEN 1e-9 ELSE 0 END END`,
  numeric: `(v::text || CASE WHEN v::text LIKE '%.%' THEN '0' ELSE '.0' END)::numeric`,
  text: `overlay(v placing chr(ascii(v) # 1) from 1 for 1)`,
  'character varying': `v || ' '`,
  bytea: `set_bit(v, 13, 1 - get_bit(v, 13))`,
  'boolean[]': 'v || NULL',
  jsonb: `v || '{"m": null}'`,
  date: 'v + 1',
  'timestamp with time zone': `v + interval '1 microsecond'`,
};

async function pickRow(client: pg.Client, dice: Dice) {
  const tables = await client.query<{ name: string }>(READ_TABLES);
  const table = dice.pick(tables.rows)?.name ?? '';
  const rows = await client.query<{ ctid: string }>(`SELECT ctid::text FROM ONLY ${table}`);
  const columns = await client.query<{ name: string; type: string; notNull: boolean }>(READ_COLUMNS, [table]);
  return { table, ctid: dice.pick(rows.rows)?.ctid, columns: columns.rows };
}

/** Gives one value of one row of any table or chunk another form; the row's new address is where it is put back. */
const changeValue: Damage = async (client, dice) => {
  const { table, ctid, columns } = await pickRow(client, dice);
  const column = dice.pick(columns.filter(({ type }) => OTHER_VALUE[type]));
  if (!ctid || !column) return undefined;
  const { name, type, notNull } = column;
  const toNull = !notNull && dice.below(4) === 0;
  const value = toNull ? 'NULL' : OTHER_VALUE[type]?.replace(/\bv\b/g, name);
  const { rows } = await client.query<{ old: string | null; now: string | null; ctid: string }>(
    `WITH old AS (SELECT ${name}::text AS v FROM ONLY ${table} WHERE ctid = '${ctid}')
     UPDATE ONLY ${table} SET ${name} = ${value} FROM old WHERE ${table}.ctid = '${ctid}'
     RETURNING old.v AS old, ${name}::text AS now, ${table}.ctid::text`,
  );
  const [changed] = rows;
  if (!changed || changed.old === changed.now) return undefined;
  const old = changed.old === null ? 'NULL' : client.escapeLiteral(changed.old);
  return {
    what: `${table}.${name}: ${changed.old} became ${changed.now}`,
    undo: `UPDATE ONLY ${table} SET ${name} = ${old}::${type} WHERE ctid = '${changed.ctid}'`,
  };
};

const loseRow: Damage = async (client, dice) => {
  const { table, ctid } = await pickRow(client, dice);
  await client.query(
    `DROP TABLE IF EXISTS pg_temp.lost; CREATE TEMP TABLE lost AS SELECT * FROM ONLY ${table} WHERE ctid = '${ctid}';
     DELETE FROM ONLY ${table} WHERE ctid = '${ctid}'`,
  );
  return { what: `${table}: lost the row ${ctid}`, undo: `INSERT INTO ${table} SELECT * FROM pg_temp.lost` };
};

const doubleRow: Damage = async (client, dice) => {
  const { table, ctid } = await pickRow(client, dice);
  const { rows } = await client.query<{ ctid: string }>(
    `INSERT INTO ${table} SELECT * FROM ONLY ${table} WHERE ctid = '${ctid}' RETURNING ctid::text`,
  );
  return {
    what: `${table}: doubled the row ${ctid}`,
    undo: `DELETE FROM ONLY ${table} WHERE ctid = '${rows[0]?.ctid}'`,
  };
};

/** Two rows of a table change the values of one column between them: every column holds what it held. */
const swapValues: Damage = async (client, dice) => {
  const { columns } = await pickRow(client, dice);
  const column = columns.length > 0 ? dice.pick(['key', 'document', 'label', 'day']) : undefined;
  const [a, b] = [1 + dice.below(30), 31 + dice.below(30)];
  const swap = `UPDATE plain SET ${column} = o.${column} FROM plain o WHERE (plain.id, o.id) IN ((${a}, ${b}), (${b}, ${a}))`;
  await client.query(swap);
  return { what: `plain.${column} of ${a} and ${b} changed places`, undo: swap };
};

const changeDefinition =
  (what: string, sql: string, undo: string): Damage =>
  async (client) => {
    await client.query(sql);
    return { what, undo };
  };

const changeSequence: Damage = async (client, dice) => {
  const value = 2 + dice.below(1000);
  await client.query(`SELECT setval('counter', ${value})`);
  return { what: `the sequence stands at ${value}`, undo: `SELECT setval('counter', 1, false)` };
};

const DEFINITIONS: readonly Damage[] = [
  changeDefinition('an index is lost', 'DROP INDEX plain_id', 'CREATE INDEX plain_id ON plain (id)'),
  changeDefinition(
    'an index is invalid',
    `UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'plain_key'::regclass`,
    `UPDATE pg_index SET indisvalid = true WHERE indexrelid = 'plain_key'::regclass`,
  ),
  changeDefinition(
    'a default is another',
    'ALTER TABLE plain ALTER id SET DEFAULT 2',
    'ALTER TABLE plain ALTER id SET DEFAULT 1',
  ),
  changeDefinition(
    'a trigger is disabled',
    'ALTER TABLE plain DISABLE TRIGGER touched',
    'ALTER TABLE plain ENABLE TRIGGER touched',
  ),
  changeDefinition(
    'a grant is lost',
    'REVOKE INSERT ON plain FROM verify_random',
    'GRANT INSERT ON plain TO verify_random',
  ),
  changeDefinition(
    'a comment is another',
    `COMMENT ON COLUMN plain.key IS 'small'`,
    `COMMENT ON COLUMN plain.key IS 'large'`,
  ),
];

const COMMUNITY_DAMAGES: readonly Damage[] = [
  changeDefinition(
    'a job has another schedule',
    `SELECT alter_job(1000, schedule_interval => interval '5 days')`,
    `SELECT alter_job(1000, schedule_interval => interval '1 day')`,
  ),
  changeDefinition(
    'a watermark is stale',
    'UPDATE _timescaledb_catalog.continuous_aggs_watermark SET watermark = watermark - 1',
    'UPDATE _timescaledb_catalog.continuous_aggs_watermark SET watermark = watermark + 1',
  ),
];

test(`each of ${ROUNDS} damages at random is found, and nothing when it is mended (HYPERFERRY_SEED=${SEED})`, async () => {
  const dice = new Dice(SEED);
  const server = (await (hasCommunity ? communityPair() : apachePair())).target;
  const twins = await makeTwins(server, 'verify_random', CONTENT + (hasCommunity ? COMMUNITY_CONTENT : ''));
  const definitions = [...DEFINITIONS, ...(hasCommunity ? COMMUNITY_DAMAGES : [])];
  const missed: string[] = [];
  await withClient(twins.target, async (client) => {
    // Chunks are damaged where they lie, behind the back of TimescaleDB.
    await client.query(
      'SET timescaledb.restoring = on; SET DateStyle = ISO; SET extra_float_digits = 3; SET bytea_output = hex',
    );
    for (let round = 0; round < ROUNDS; ) {
      const damage =
        dice.pick([
          changeValue,
          changeValue,
          changeValue,
          loseRow,
          doubleRow,
          swapValues,
          changeSequence,
          dice.pick(definitions),
        ]) ?? changeValue;
      const done = await damage(client, dice);
      if (!done) continue;
      round++;
      const verification = await verify({ ...twins, jobs: 1, rows: 0 });
      if (verification.equal || found(verification).length === 0) missed.push(`round ${round}: ${done.what}`);
      await client.query(done.undo);
    }
  });
  expect(missed, `damages that were not found, with HYPERFERRY_SEED=${SEED}`).toEqual([]);
  expect(found(await verify({ ...twins, jobs: 1 }))).toEqual([]);
}, 1_200_000);
