import { quoteLiteral } from '../postgres/quoting.js';
import type { Session } from '../postgres/session.js';
import { readChunksOfCompressed } from './hypertables.js';
import { HYPERTABLES } from './timescale.js';

/**
 * The value that rows have in a column which was added after they were written. TimescaleDB reads it for batches that
 * were compressed before the column was added, and a restored chunk lacks it: those rows would read as NULL.
 */
export interface MissingValue {
  readonly chunk: number;
  readonly schema: string;
  readonly table: string;
  readonly column: string;
  /** As the text of an array of one element. */
  readonly value: string;
  /** Whether compressed rows of the chunk may need it. */
  readonly isCompressed: boolean;
}

/** By the few columns that have one first: the planner would go through the columns of each chunk. */
const READ_MISSING_VALUES = `
WITH missing AS MATERIALIZED (
  SELECT attrelid, attnum, attname, attmissingval::text AS value
  FROM pg_catalog.pg_attribute WHERE atthasmissing AND NOT attisdropped
)
SELECT c.oid::int8 AS chunk, n.nspname AS schema, c.relname AS "table", a.attname AS column, a.value
FROM missing a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid AND c.relkind = 'r'
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE EXISTS (SELECT FROM pg_catalog.pg_inherits i
              JOIN (${HYPERTABLES}) AS h ON h.oid = i.inhparent
              WHERE i.inhrelid = c.oid)
ORDER BY 2, 3, a.attnum`;

/** The missing values of all chunks. */
export async function readMissingValues(session: Session): Promise<MissingValue[]> {
  const compressed = new Set((await readChunksOfCompressed(session)).values());
  const rows = await session.query<Omit<MissingValue, 'chunk' | 'isCompressed'> & { chunk: string }>(
    READ_MISSING_VALUES,
  );
  return rows.map(({ chunk, ...rest }) => ({
    ...rest,
    chunk: Number(chunk),
    isCompressed: compressed.has(Number(chunk)),
  }));
}

/**
 * Gives a chunk of the same name the value. There is no other command that gives an existing column one, but for
 * `ALTER TABLE … ADD COLUMN`, which would move the column to the end. `pg_upgrade` writes it into the catalog as well (`SetAttrMissing()` in
 * src/backend/catalog/heap.c). `array_in` is the one function that makes an `anyarray` of a text.
 */
export function setMissingValue({ schema, table, column, value }: MissingValue): string {
  return `
UPDATE pg_catalog.pg_attribute a
SET atthasmissing = true, attmissingval = pg_catalog.array_in(${quoteLiteral(value)}::cstring, a.atttypid, a.atttypmod)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE a.attrelid = c.oid AND n.nspname = ${quoteLiteral(schema)} AND c.relname = ${quoteLiteral(table)}
  AND a.attname = ${quoteLiteral(column)};`;
}

/** Gives chunks on the target the missing values of the source. Needs a superuser. Rows that were copied have all columns. */
export async function setMissingValues(session: Session, values: readonly MissingValue[]): Promise<void> {
  for (const value of values) await session.query(setMissingValue(value));
}
