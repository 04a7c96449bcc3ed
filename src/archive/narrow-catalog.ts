import { quoteIdentifier, quoteQualified } from '../postgres/quoting.js';
import type { Session } from '../postgres/session.js';
import type { ChosenCatalog } from './select-tables.js';

/** The temporary tables that hold an archive's rows, by the names of the tables that these are rows of. */
export type StagedTables = ReadonlyMap<string, string>;

/**
 * Deletes from staged rows of TimescaleDB's catalog what is of hypertables that are not chosen. What refers to them is
 * found by the foreign keys that the catalog has on the target, whatever its version, and where it has none, by the names
 * of columns.
 */
export async function narrowCatalog(
  target: Session,
  staged: StagedTables,
  { hypertables, relations, leftOutConstraints }: ChosenCatalog,
): Promise<void> {
  const of = (name: string): string | undefined =>
    staged.get(quoteQualified({ schema: '_timescaledb_catalog', name }));
  const hypertable = of('hypertable');
  if (!hypertable) return;
  await target.query(`DELETE FROM ${hypertable} WHERE id <> ALL ($1::text[])`, [hypertables]);
  for (const { table, column } of await target.query<{ table: string; column: string }>(
    READ_HYPERTABLE_COLUMNS,
    [[...staged.values()]],
  )) {
    await target.query(
      `DELETE FROM ${table} WHERE ${quoteIdentifier(column)} IS NULL AND $2 OR ${quoteIdentifier(column)} <> ALL ($1::text[])`,
      [hypertables, isJobs(table, staged)],
    );
  }
  const settings = of('compression_settings');
  if (settings) {
    await target.query(`DELETE FROM ${settings} WHERE relid <> ALL (${NAMES})`, [
      relations.map(({ schema }) => schema),
      relations.map(({ name }) => name),
    ]);
  }
  await followForeignKeys(target, staged);
  await forgetAggregates(target, of);
  const constraints = of('chunk_constraint');
  const chunk = of('chunk');
  if (!constraints || !chunk) return;
  for (const { hypertable: id, name } of leftOutConstraints) {
    await target.query(
      `DELETE FROM ${constraints} k USING ${chunk} c
       WHERE c.id = k.chunk_id AND c.hypertable_id = $1 AND k.hypertable_constraint_name = $2`,
      [id, name],
    );
  }
}

/** As `regclass` prints them without a search path. */
const NAMES = `
ARRAY(SELECT pg_catalog.format('%I.%I', r.schema, r.name)
      FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) AS r (schema, name))`;

/** Logs of continuous aggregates, and their plans, name hypertables without a foreign key. */
const READ_HYPERTABLE_COLUMNS = `
SELECT s.name AS "table", a.attname::text AS column
FROM pg_catalog.unnest($1::text[]) AS s (name)
JOIN pg_catalog.pg_attribute a ON a.attrelid = s.name::pg_catalog.regclass AND a.attnum > 0
WHERE a.attname IN ('hypertable_id', 'mat_hypertable_id', 'raw_hypertable_id', 'materialization_id')`;

/** A job of no hypertable runs what may not be there. */
function isJobs(table: string, staged: StagedTables): boolean {
  return ['_timescaledb_catalog', '_timescaledb_config'].some(
    (schema) => staged.get(quoteQualified({ schema, name: 'bgw_job' })) === table,
  );
}

type KeyRow = { from: string; to: string; columns: string[]; keys: string[] };

const READ_FOREIGN_KEYS = `
SELECT s.staged AS "from", r.staged AS "to",
       ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY AS c (number, at)
             JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = c.number ORDER BY c.at) AS columns,
       ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY AS c (number, at)
             JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = c.number ORDER BY c.at) AS keys
FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) AS s (name, staged)
JOIN pg_catalog.pg_constraint k ON k.contype = 'f' AND k.conrelid = pg_catalog.to_regclass(s.name)
JOIN ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) AS r (name, staged)
  ON k.confrelid = pg_catalog.to_regclass(r.name)`;

/** Until nothing is deleted any more. Chunk 0, which stands for all chunks to come, is no row: nobody refers to it by a key. */
async function followForeignKeys(target: Session, staged: StagedTables): Promise<void> {
  const rows = await target.query<KeyRow>(READ_FOREIGN_KEYS, [[...staged.keys()], [...staged.values()]]);
  const deletions = rows.map(({ from, to, columns, keys }) => {
    const pairs = columns.map(
      (column, at) => `p.${quoteIdentifier(keys[at] ?? '')} = c.${quoteIdentifier(column)}`,
    );
    const isSet = columns.map((column) => `c.${quoteIdentifier(column)} <> '0'`);
    return `DELETE FROM ${from} c WHERE ${isSet.join(' AND ')} AND NOT EXISTS (SELECT FROM ${to} p WHERE ${pairs.join(' AND ')})`;
  });
  for (let deleted = 1; deleted > 0; ) {
    deleted = 0;
    for (const sql of deletions) {
      const { count } = await target.one<{ count: number }>(
        `WITH gone AS (${sql} RETURNING 1) SELECT pg_catalog.count(*)::int AS count FROM gone`,
      );
      deleted += count;
    }
  }
}

/** As TimescaleDB does when the last continuous aggregate of a hypertable is dropped: nobody reads these. */
async function forgetAggregates(target: Session, of: (name: string) => string | undefined): Promise<void> {
  const aggregates = of('continuous_agg');
  if (!aggregates) return;
  for (const name of [
    'continuous_aggs_invalidation_threshold',
    'continuous_aggs_hypertable_invalidation_log',
  ]) {
    const table = of(name);
    if (!table) continue;
    await target.query(
      `DELETE FROM ${table} WHERE hypertable_id NOT IN (SELECT raw_hypertable_id FROM ${aggregates})`,
    );
  }
}
