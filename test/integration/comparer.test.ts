import { expect, test } from 'vitest';
import { expectEqualDatabases } from './compare/databases.js';
import { makeDatabases } from './databases.js';
import { apachePair } from './servers.js';
import { runScript, withClient } from './sql.js';

const CONTENT = `
CREATE EXTENSION timescaledb;
CREATE TABLE reading (at timestamptz NOT NULL, value float8, note text, n serial);
SELECT create_hypertable('reading', 'at');
INSERT INTO reading VALUES ('2026-01-01 00:00+00', 0, ''), ('2026-01-02 00:00+00', 1, NULL);
CREATE TABLE plain (id int);
INSERT INTO plain VALUES (1), (1), (2);
SELECT lo_from_bytea(4711, 'abc');
`;

/** One change of the target, and the object that the comparison must name. */
const CHANGES: readonly [sql: string, object: string | RegExp][] = [
  [`ALTER TABLE plain ADD CHECK (id > 0)`, /^schema dump, line \d+$/],
  [`COMMENT ON TABLE plain IS 'new'`, /^schema dump/],
  [`GRANT SELECT ON plain TO PUBLIC`, /^schema dump/],
  [`ALTER TABLE plain SET (fillfactor = 50)`, /^schema dump/],
  [`UPDATE reading SET value = '-0' WHERE value = 0`, 'rows of _timescaledb_internal._hyper_1_1_chunk'],
  [`UPDATE reading SET note = NULL WHERE note = ''`, 'rows of _timescaledb_internal._hyper_1_1_chunk'],
  [`UPDATE reading SET value = 1.0000000000000002 WHERE value = 1`, 'rows through public.reading'],
  [`DELETE FROM plain WHERE ctid = '(0,1)'`, 'rows of public.plain'],
  [`UPDATE plain SET id = 2 WHERE ctid = '(0,1)'`, 'rows of public.plain'],
  [`SELECT nextval('reading_n_seq')`, 'sequences'],
  [`SELECT set_chunk_time_interval('reading', interval '1 day')`, /_timescaledb_catalog.dimension$/],
  [`SELECT nextval('_timescaledb_catalog.chunk_id_seq')`, /_timescaledb_catalog.chunk_id_seq$/],
  [`SELECT lo_put(4711, 0, 'x')`, 'large objects'],
  [`ALTER DATABASE :"DBNAME" SET work_mem = '5MB'`, 'settings of the database'],
  [`COMMENT ON DATABASE :"DBNAME" IS 'new'`, 'the database itself'],
  [`REVOKE CONNECT ON DATABASE :"DBNAME" FROM PUBLIC`, 'grants on the database'],
];

test('the comparison finds a database and its copy equal', async () => {
  const { target: original, programs } = await makeDatabases(await apachePair(), 'comparer', '');
  await runScript(programs, original, CONTENT);
  await expectEqualDatabases(original, await copyOf(original, 'comparer_copy'), programs);
});

test('the comparison names what differs, whatever differs', async () => {
  const { target: original, programs } = await makeDatabases(await apachePair(), 'comparer_changes', '');
  await runScript(programs, original, CONTENT);
  const unnoticed: string[] = [];
  for (const [sql, object] of CHANGES) {
    const copy = await copyOf(original, 'comparer_changed');
    await runScript(programs, copy, sql);
    const error = await expectEqualDatabases(original, copy, programs).then(
      () => undefined,
      (reason: unknown) => reason as { actual: { object: string }[] },
    );
    const named = (error?.actual ?? []).map((one) => one.object);
    const isNamed = named.some((one) =>
      typeof object === 'string' ? one.startsWith(object) : object.test(one),
    );
    if (!isNamed) unnoticed.push(`${sql}: expected ${object}, named ${named.join('; ') || 'nothing'}`);
  }
  expect(unnoticed).toEqual([]);
});

/** A copy on the same server, which is the target's: on the source's, a background worker may be in the original. */
async function copyOf(original: string, name: string): Promise<string> {
  await withClient(new URL('/postgres', original).href, async (client) => {
    await client.query(`DROP DATABASE IF EXISTS ${name}`);
    await client.query(`CREATE DATABASE ${name} TEMPLATE ${new URL(original).pathname.slice(1)}`);
  });
  return new URL(`/${name}`, original).href;
}
