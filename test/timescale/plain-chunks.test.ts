import { expect, test } from 'vitest';
import { readInventory } from '../../src/inventory/inventory.js';
import { chunkEntries } from '../../src/plan/chunk-entries.js';
import { readArchiveToc, type TocEntry } from '../../src/postgres/archive/archive-toc.js';
import { findPgDump, runClientProgram } from '../../src/postgres/client-programs.js';
import { parseConnection } from '../../src/postgres/connection-string.js';
import { rewordPgDump } from '../../src/postgres/pg-dump-queries.js';
import { Session } from '../../src/postgres/session.js';
import { readChunkTables, readPartsOfChunks } from '../../src/timescale/chunk-definitions.js';
import { findPlainChunks } from '../../src/timescale/plain-chunks.js';
import { type Databases, makeDatabases } from '../integration/databases.js';
import { expectFaithfulMigration, migrateDatabase } from '../integration/ferry.js';
import { apachePair, communityPair, hasCommunity, startExtraServer } from '../integration/servers.js';
import { runByLibpq } from '../postgres/libpq.js';

const HYPERTABLES = `
CREATE EXTENSION timescaledb;
CREATE SCHEMA app;
CREATE SCHEMA "chunk; store";
CREATE ROLE plain_owner; CREATE ROLE plain_reader;
CREATE TYPE app.mood AS ENUM ('sad', 'glad');
CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE FUNCTION app.twice(a int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2 * a';
CREATE TABLE app.device (id int PRIMARY KEY, name text UNIQUE);
INSERT INTO app.device SELECT n, 'device ' || n FROM generate_series(0, 9) AS n;

CREATE TABLE app.reading (
  gone int, at timestamptz NOT NULL DEFAULT now(), device int NOT NULL REFERENCES app.device, mood app.mood,
  "val""ue" numeric(10, 2) DEFAULT 7, doubled numeric GENERATED ALWAYS AS ("val""ue" * 2) STORED,
  note text COLLATE "C" CHECK (note <> 'x'), id bigserial, PRIMARY KEY (at, device)
) WITH (fillfactor = 80);
ALTER TABLE app.reading DROP gone;
ALTER TABLE app.reading ALTER note SET STORAGE EXTERNAL, ALTER note SET STATISTICS 300, ALTER device SET (n_distinct = 10);
SELECT create_hypertable('app.reading', 'at', 'device', 2, chunk_time_interval => interval '1 day');
CREATE INDEX by_mood ON app.reading (mood, app.twice(device)) WHERE note IS NOT NULL;
CREATE UNIQUE INDEX only_one ON app.reading (at, device, id) WITH (fillfactor = 70);
CREATE TRIGGER touch BEFORE UPDATE ON app.reading FOR EACH ROW WHEN (OLD.note = 'it''s') EXECUTE FUNCTION app.touch();
INSERT INTO app.reading (at, device, mood, note)
SELECT timestamptz '2026-01-01' + n * interval '6 hours', n % 10, 'glad', 'note' FROM generate_series(0, 19) AS n;
ALTER TABLE app.reading ADD later text DEFAULT 'later' NOT NULL;
GRANT SELECT, INSERT ON app.reading TO plain_reader WITH GRANT OPTION;
GRANT SELECT ON app.reading TO PUBLIC;

CREATE TABLE app.piece (tick bigint NOT NULL, value float8, UNIQUE (tick) DEFERRABLE);
SELECT create_hypertable('app.piece', 'tick', chunk_time_interval => 100, associated_schema_name => 'chunk; store',
                         associated_table_prefix => 'piece of "piece" ($.*|\\)');
INSERT INTO app.piece SELECT n, n FROM generate_series(0, 999, 50) AS n;
CLUSTER app.piece USING piece_tick_key;
ALTER TABLE app.piece OWNER TO plain_owner;

-- Columns have other numbers in older chunks than in newer ones.
CREATE TABLE app.moved (at timestamptz NOT NULL, a int, b int, c int, words tsvector);
SELECT create_hypertable('app.moved', 'at', chunk_time_interval => interval '1 day');
CREATE INDEX ON app.moved (b);
CREATE INDEX ON app.moved (c);
CREATE INDEX ON app.moved (b, c DESC NULLS LAST);
CREATE INDEX ON app.moved (c) INCLUDE (b) WHERE b > 0;
CREATE INDEX ON app.moved USING gist (words tsvector_ops (siglen = 100));
CREATE INDEX ON app.moved USING gist (words);
CREATE INDEX ON app.moved USING hash (b) WITH (fillfactor = 50);
INSERT INTO app.moved (at, b) SELECT timestamptz '2026-01-01' + n * interval '1 day', n FROM generate_series(0, 3) AS n;
ALTER TABLE app.moved DROP a;
INSERT INTO app.moved (at, b) SELECT timestamptz '2026-02-01' + n * interval '1 day', n FROM generate_series(0, 3) AS n;
ALTER TABLE app.moved RENAME b TO "B b";`;

test('the definitions of plain chunks are those that pg_dump writes', async () => {
  const databases = await makeDatabases(await apachePair(), 'plain_chunks', HYPERTABLES);
  await expectSameAsDumped(databases, { chunks: 28 });
  await expectFaithfulMigration(databases);
});

test.skipIf(!hasCommunity)(
  `so are those of compressed chunks and of continuous aggregates${hasCommunity ? '' : ' (skipped: no community edition)'}`,
  async () => {
    const databases = await makeDatabases(
      await communityPair(),
      'plain_chunks_tsl',
      `${HYPERTABLES.replaceAll('plain_', 'plain_tsl_').replace(/ALTER TABLE app.reading ADD later.*\n/, '')}
      CREATE MATERIALIZED VIEW app.daily WITH (timescaledb.continuous) AS
        SELECT time_bucket('1 day', at) AS day, device, max(note) AS note FROM app.reading GROUP BY 1, 2;
      ALTER TABLE app.reading SET (timescaledb.compress, timescaledb.compress_segmentby = 'device, mood');
      SELECT compress_chunk(chunk) FROM show_chunks('app.reading') AS chunk LIMIT 3;`,
    );
    await expectSameAsDumped(databases, { chunks: 32 });
    await expectFaithfulMigration(databases);
  },
);

const UNUSUAL = {
  'a comment': `COMMENT ON TABLE CHUNK IS 'kept'`,
  'a comment on an index': `COMMENT ON INDEX _timescaledb_internal._hyper_1_2_chunk_reading_at_idx IS 'kept'`,
  'grants of its own': 'GRANT SELECT ON CHUNK TO PUBLIC',
  'grants on a column': 'GRANT SELECT (value) ON CHUNK TO PUBLIC',
  'a default of its own': 'ALTER TABLE CHUNK ALTER value SET DEFAULT 5',
  'a constraint that is not valid': 'ALTER TABLE CHUNK ADD CHECK (value > -1) NOT VALID',
  'a trigger that is off': `CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER off BEFORE UPDATE ON CHUNK FOR EACH ROW EXECUTE FUNCTION f(); ALTER TABLE CHUNK DISABLE TRIGGER off`,
  'a rule': 'CREATE RULE quiet AS ON DELETE TO CHUNK DO INSTEAD NOTHING',
  'row security': 'ALTER TABLE CHUNK ENABLE ROW LEVEL SECURITY',
  'a policy': 'CREATE POLICY mine ON CHUNK USING (value > 0)',
  'a replica identity': 'ALTER TABLE CHUNK REPLICA IDENTITY FULL',
  'a setting of its TOAST table': 'ALTER TABLE CHUNK SET (toast.autovacuum_enabled = off)',
  'extended statistics': 'CREATE STATISTICS public.both ON at, value FROM CHUNK',
  'a view upon it': 'CREATE VIEW upon AS SELECT * FROM CHUNK',
  'a column of its type': 'CREATE TABLE of_type (row CHUNK)',
  'a child': 'CREATE TABLE child () INHERITS (CHUNK)',
  'a publication': 'CREATE PUBLICATION unusual_PUBLICATION FOR TABLE CHUNK',
  'no durability': 'ALTER TABLE CHUNK SET UNLOGGED',
  'a relation with such a name': 'CREATE VIEW _timescaledb_internal._hyper_1_99_chunk AS SELECT 1',
};

test('a hypertable of which a chunk has more than that is left to pg_dump, by itself', async () => {
  const pair = await apachePair();
  const wrong: string[] = [];
  const databases = await makeDatabases(
    pair,
    'unusual_chunks',
    `CREATE EXTENSION timescaledb;
    CREATE TABLE reading (at timestamptz NOT NULL, value int, note text);
    SELECT create_hypertable('reading', 'at');
    INSERT INTO reading SELECT timestamptz '2026-01-01' + n * interval '7 days', n FROM generate_series(0, 3) AS n;
    CREATE TABLE other (LIKE reading);
    SELECT create_hypertable('other', 'at');
    INSERT INTO other SELECT timestamptz '2026-01-01' + n * interval '7 days', n FROM generate_series(0, 3) AS n;`,
  );
  const session = await Session.open('source', parseConnection(databases.source));
  try {
    const others = (await findPlainChunks(session)).oids.size / 2;
    expect(others).toBe(4);
    for (const [what, sql] of Object.entries(UNUSUAL)) {
      // With its hooks, TimescaleDB would refuse some of it.
      await session.query('BEGIN; SET LOCAL timescaledb.restoring = on; SET LOCAL search_path = public');
      await session.query(
        sql
          .replaceAll('CHUNK', '_timescaledb_internal._hyper_1_2_chunk')
          .replaceAll('PUBLICATION', 'publication'),
      );
      const { oids } = await findPlainChunks(session);
      if (oids.size !== others) wrong.push(`${what}: ${oids.size} plain chunks`);
      await session.query('ROLLBACK');
    }
  } finally {
    await session.close();
  }
  expect(wrong).toEqual([]);
});

test('a source that has no room for a lock on each chunk is migrated', async () => {
  const { target } = await apachePair();
  // Room for a few hundred locks.
  const source = await startExtraServer('few-locks', {
    settings: { max_locks_per_transaction: '10', max_connections: '20' },
  });
  const databases = await makeDatabases(
    { source, target },
    'few_locks',
    `CREATE EXTENSION timescaledb;
    CREATE TABLE reading (at timestamptz NOT NULL, value int);
    SELECT create_hypertable('reading', 'at', chunk_time_interval => interval '1 hour');
    DO $$ BEGIN
      FOR batch IN 0..149 LOOP
        INSERT INTO reading SELECT timestamptz '2026-01-01' + (batch * 20 + n) * interval '1 hour', n FROM generate_series(0, 19) AS n;
        COMMIT;
      END LOOP;
    END $$;`,
  );
  const pgDump = await findPgDump(databases.programs, 17, 17);
  await expect(
    runByLibpq(pgDump.path, ['--schema-only'], parseConnection(databases.source)),
    'what pg_dump does',
  ).rejects.toThrow('out of shared memory');
  const outcome = await migrateDatabase(databases);
  expect(outcome).toMatchObject({ chunks: 3000, rows: 3000, verification: { equal: true } });
});

/** Compares each object of the plain chunks with what `pg_dump` writes of it when it is not told to leave it out. */
async function expectSameAsDumped(
  { source, programs }: Databases,
  expected: { chunks: number },
): Promise<void> {
  const connection = parseConnection(source);
  const pgDump = await findPgDump(programs, 17, 17);
  const dump = async (
    patterns: readonly string[],
    leftOut: ReadonlySet<number>,
  ): Promise<readonly TocEntry[]> =>
    readArchiveToc(
      await runClientProgram(
        pgDump,
        [
          '--format=custom',
          '--schema-only',
          '--compress=0',
          '--encoding=UTF8',
          ...patterns.map((pattern) => `--exclude-table=${pattern}`),
        ],
        await Session.open('source', connection),
        { reword: (query) => rewordPgDump(query, leftOut) },
      ),
    ).entries;
  const session = await Session.open('source', connection);
  try {
    const plain = await findPlainChunks(session);
    expect(plain.oids.size, 'plain chunks').toBe(expected.chunks);
    const { server } = await readInventory(session);
    const archive = await dump(plain.patterns, plain.oids);
    expect(described(archive), 'what pg_dump writes that is told of them, and looks for them').toEqual(
      described(await dump(plain.patterns, new Set())),
    );
    expect(described(archive), 'what pg_dump writes that does not see them').toEqual(
      described(await dump([], plain.oids)),
    );
    const { objects, dependencies } = await readChunkTables(session, server.version, plain.oids);
    const parts = await readPartsOfChunks(session, plain.oids);
    const made = chunkEntries({ objects: [...objects, ...parts], dependencies }, archive);
    const [both, dumped] = [described([...archive, ...made]), described(await dump([], new Set()))];
    expect(
      dumped.filter((line) => !both.includes(line)),
      'what pg_dump alone writes',
    ).toEqual([]);
    expect(
      both.filter((line) => !dumped.includes(line)),
      'what pg_dump does not write',
    ).toEqual([]);
  } finally {
    await session.close();
  }
}

/** Without what differs though it means the same: quotes that are not needed, white space, how a constraint's columns are set. */
function described(entries: readonly TocEntry[]): string[] {
  const names = new Map(entries.map((entry) => [entry.dumpId, `${entry.kind} ${entry.schema} ${entry.tag}`]));
  const plainly = (sql: string): string =>
    sql
      .replaceAll('"', '')
      .replaceAll(/\s+/g, ' ')
      .replaceAll(/ ?([(),;]) ?/g, '$1')
      .trim();
  return (
    entries
      // A chunk's table inherits the defaults of its hypertable.
      .filter(({ kind, tag }) => kind !== 'DEFAULT' || !/_chunk /.test(tag))
      .map(
        ({ dumpId, definition, dropStatement, owner, tablespace, accessMethod, section, dependencies }) => {
          const needs = dependencies
            .map((id) => names.get(id) ?? '')
            .filter((name) => name !== '' && !name.startsWith('EXTENSION '));
          return JSON.stringify([
            names.get(dumpId),
            ...[plainly(definition), plainly(dropStatement), owner, tablespace, accessMethod, section],
            ...[...new Set(needs)].sort(),
          ]);
        },
      )
      .sort()
  );
}
