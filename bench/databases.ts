/** A database that the benchmark builds on the source, as a list of SQL texts that are run in order. */
export interface BenchDatabase {
  readonly name: string;
  readonly description: string;
  readonly statements: readonly string[];
}

/** Rows in 60 chunks of one hypertable: 11 numeric columns and two indexes. */
export function wide(rows: number): BenchDatabase {
  return {
    name: `wide${rows}`,
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

/** Small chunks of ten hypertables, fifty rows each. */
export function many(chunks: number): BenchDatabase {
  const tables = Array.from({ length: 10 }, (_, index) => `metric_${index}`);
  const each = chunks / tables.length;
  return {
    name: `many${chunks}`,
    description: `${(chunks * 50).toLocaleString('en-US')} rows, ${chunks.toLocaleString('en-US')} chunks of ten hypertables`,
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
