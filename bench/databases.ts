/** A database that the benchmark builds on the source, as a list of SQL texts that are run in order. */
export interface BenchDatabase {
  readonly name: string;
  readonly description: string;
  readonly statements: readonly string[];
  /** Whether it needs what only the community edition of TimescaleDB has. */
  readonly needsCommunity?: true;
}

/** Rows in 60 chunks of one hypertable: 11 numeric columns and two indexes. */
export function wide(rows: number): BenchDatabase {
  return {
    name: `wide_${rows}`,
    description: `${rows.toLocaleString('en-US')} rows, 60 chunks, 11 numeric columns, two indexes`,
    statements: [
      'CREATE EXTENSION timescaledb',
      `CREATE TABLE reading (
         at timestamptz NOT NULL, device int NOT NULL, c1 float8, c2 float8, c3 float8, c4 float8, c5 float8,
         c6 int, c7 int, c8 bigint, c9 bigint
       )`,
      `SELECT create_hypertable('reading', 'at', chunk_time_interval => interval '1 day', create_default_indexes => false)`,
      `INSERT INTO reading
       SELECT timestamptz '2024-01-01 00:00:00Z' + (i / ${rows}.0) * interval '60 days', i % 1000,
              random(), random(), random(), random(), random(),
              (random() * 1e6)::int, i % 7, i, (random() * 1e12)::bigint
       FROM generate_series(0, ${rows - 1}) AS i`,
      'CREATE INDEX ON reading (at DESC)',
      'CREATE INDEX ON reading (device, at DESC)',
      'VACUUM (ANALYZE) reading',
      'CHECKPOINT',
    ],
  };
}

/** Small chunks, fifty rows each. (TimescaleDB makes the 10,000th chunk of a hypertable much more slowly than the 1,000th.) */
export function many(chunks: number, hypertables = 10): BenchDatabase {
  const tables = Array.from({ length: hypertables }, (_, index) => `metric_${index}`);
  const each = chunks / tables.length;
  return {
    name: `many_${chunks}`,
    description: `${(chunks * 50).toLocaleString('en-US')} rows, ${chunks.toLocaleString('en-US')} chunks of ${hypertables} hypertables`,
    statements: [
      'CREATE EXTENSION timescaledb',
      ...tables.flatMap((table) => [
        `CREATE TABLE ${table} (at timestamptz NOT NULL, device int NOT NULL, value float8, note text)`,
        `SELECT create_hypertable('${table}', 'at', chunk_time_interval => interval '1 hour')`,
        `CREATE INDEX ON ${table} (device, at DESC)`,
        // A transaction of fewer chunks: their locks must fit the server's default.
        `DO $$ BEGIN
           FOR batch IN 0..${Math.ceil(each / 100) - 1} LOOP
             INSERT INTO ${table}
             SELECT timestamptz '2024-01-01 00:00:00Z' + i * interval '72 seconds', i % 50, random(), 'note ' || i
             FROM generate_series(batch * 5000, LEAST(${each * 50}, (batch + 1) * 5000) - 1) AS i;
             COMMIT;
           END LOOP;
         END $$`,
      ]),
      'VACUUM (ANALYZE)',
      'CHECKPOINT',
    ],
  };
}

/** Text, documents, arrays and numbers in chunks, and a plain table of two million rows, which is one relation. */
export function mixed(): BenchDatabase {
  return {
    name: 'mixed',
    description:
      '1,000,000 rows of text, jsonb, arrays and numeric in 30 chunks; a plain table of 2,000,000 rows',
    statements: [
      'CREATE EXTENSION timescaledb',
      `CREATE TABLE event (
         at timestamptz NOT NULL, id uuid NOT NULL, name text, document jsonb, tags text[], readings float8[], price numeric(20, 6)
       )`,
      `SELECT create_hypertable('event', 'at', chunk_time_interval => interval '1 day', create_default_indexes => false)`,
      `INSERT INTO event
       SELECT timestamptz '2024-01-01 00:00:00Z' + (i / 1e6) * interval '30 days', gen_random_uuid(), 'event ' || md5(i::text),
              jsonb_build_object('id', i, 'kind', i % 7, 'note', repeat('x', i % 50)),
              ARRAY['a' || i % 10, 'b' || i % 100], ARRAY[random(), random(), random()], (random() * 1e9)::numeric(20, 6)
       FROM generate_series(0, 999999) AS i`,
      'CREATE INDEX ON event (at DESC)',
      'CREATE UNIQUE INDEX ON event (id, at)',
      `CREATE TABLE account (id bigint PRIMARY KEY, name text NOT NULL, balance numeric(20, 2), made timestamptz)`,
      `INSERT INTO account
       SELECT i, 'account ' || md5(i::text), (random() * 1e6)::numeric(20, 2), timestamptz '2020-01-01' + i * interval '1 minute'
       FROM generate_series(1, 2000000) AS i`,
      'CREATE INDEX ON account (name)',
      'VACUUM (ANALYZE)',
      'CHECKPOINT',
    ],
  };
}

const BLOBS_EACH = 16_384;

/**
 * Rows of a page each, in tables that are not logged: what a server does for a byte is the least here, and what the process
 * between the two does for it weighs the most.
 */
export function blobs(): BenchDatabase {
  const tables = Array.from({ length: 8 }, (_, index) => `blob_${index}`);
  return {
    name: 'blobs',
    description: `${(tables.length * BLOBS_EACH).toLocaleString('en-US')} rows of 8,000 bytes, ${tables.length} tables, no index`,
    statements: [
      'CREATE EXTENSION timescaledb',
      ...tables.flatMap((table) => [
        `CREATE UNLOGGED TABLE ${table} (content bytea STORAGE PLAIN)`,
        `INSERT INTO ${table} SELECT decode(repeat(md5('${table}' || i), 500), 'hex') FROM generate_series(1, ${BLOBS_EACH}) AS i`,
      ]),
      'VACUUM (ANALYZE)',
      'CHECKPOINT',
    ],
  };
}

/** One value of 600 MB: whoever holds a row in memory holds this. */
export function hugeRow(): BenchDatabase {
  return {
    name: 'huge_row',
    description: 'one row, whose one value has 600,000,000 bytes',
    statements: [
      'CREATE EXTENSION timescaledb',
      'CREATE TABLE huge (content bytea STORAGE EXTERNAL)',
      `INSERT INTO huge SELECT convert_to(repeat('0123456789', 60000000), 'UTF8')`,
      'VACUUM (ANALYZE)',
      'CHECKPOINT',
    ],
  };
}

/** Compressed chunks. */
export function compressed(): BenchDatabase {
  const { statements } = wide(6_000_000);
  return {
    name: 'compressed',
    description: '6,000,000 rows in 60 chunks, all compressed',
    needsCommunity: true,
    statements: [
      ...statements.slice(0, -2),
      `ALTER TABLE reading SET (timescaledb.compress, timescaledb.compress_segmentby = 'device', timescaledb.compress_orderby = 'at')`,
      `SELECT count(compress_chunk(chunk)) FROM show_chunks('reading') AS chunk`,
      'VACUUM (ANALYZE)',
      'CHECKPOINT',
    ],
  };
}
