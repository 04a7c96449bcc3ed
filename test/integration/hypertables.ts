import { expect } from 'vitest';
import { withClient } from './sql.js';

/** Rows as in VALUES, `('2026-01-01', 1)`: one that belongs to a chunk that is there, and one that needs a new chunk. */
interface NewRows {
  /** Of which columns, where not of all. */
  readonly columns?: string;
  readonly old: string;
  readonly new: string;
}

/** Inserts a row into an old chunk and one into a new one, and finds both. */
export async function expectHypertableWorks(url: string, table: string, rows: NewRows): Promise<void> {
  await withClient(url, async (client) => {
    // One setting decides how the literals above are read, whatever the server's defaults.
    await client.query(`SET DateStyle = 'ISO, YMD'`);
    const count = async () => {
      const { rows: found } = await client.query<{ rows: number; chunks: number }>(
        `SELECT (SELECT count(*)::int FROM ${table}) AS rows, (SELECT count(*)::int FROM timescaledb_information.chunks
           WHERE format('%I.%I', hypertable_schema, hypertable_name)::regclass = $1::regclass) AS chunks`,
        [table],
      );
      return found[0] ?? { rows: Number.NaN, chunks: Number.NaN };
    };
    const into = rows.columns === undefined ? table : `${table} (${rows.columns})`;
    const before = await count();
    await client.query(`INSERT INTO ${into} VALUES ${rows.old}`);
    expect(await count(), `rows and chunks of ${table} after an insert into an old chunk`).toEqual({
      rows: before.rows + 1,
      chunks: before.chunks,
    });
    await client.query(`INSERT INTO ${into} VALUES ${rows.new}`);
    expect(await count(), `rows and chunks of ${table} after an insert that needs a new chunk`).toEqual({
      rows: before.rows + 2,
      chunks: before.chunks + 1,
    });
  });
}
