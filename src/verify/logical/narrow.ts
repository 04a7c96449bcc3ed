import { quoteIdentifier } from '../../postgres/quoting.js';
import type { Session } from '../../postgres/session.js';
import type { TimeDimension } from '../../timescale/hypertables.js';
import type { ComparedColumn } from '../columns.js';
import { type EncodingMatch, rowHash } from '../row-hash.js';
import type { RowTotals, VerifyMode } from '../verification.js';
import { isIntegerTime, rangeCondition, type TimeRange, timeLiteral } from './ranges.js';

export interface NarrowedSide {
  readonly session: Session;
  readonly from: string;
  readonly columns: readonly ComparedColumn[];
}

export interface NarrowedRange extends TimeRange {
  readonly source: RowTotals;
  readonly target: RowTotals;
}

/** A range that differs is cut into as many parts, and those that differ are told. */
const PARTS = 64;

/** The ranges within a range in which the two sides differ; neighbours are joined. Reads each side of it twice. */
export async function narrowDown(
  source: NarrowedSide,
  target: NarrowedSide,
  dimension: TimeDimension,
  within: readonly TimeRange[],
  options: { readonly mode: VerifyMode; readonly encodings: EncodingMatch },
): Promise<NarrowedRange[]> {
  const where = rangeCondition(dimension, ...within);
  const bounds = await cut(source, target, dimension, where);
  if (bounds.length < 2) return [];
  const read = (side: NarrowedSide) => readParts(side, dimension, where, bounds, options);
  const [left, right] = await Promise.all([read(source), read(target)]);
  const ranges: NarrowedRange[] = [];
  for (let part = 1; part < bounds.length; part++) {
    const [a, b] = [left.get(part) ?? EMPTY, right.get(part) ?? EMPTY];
    if (a.rows === b.rows && a.checksum === b.checksum) continue;
    const range = { from: bounds[part - 1], to: bounds[part] };
    const last = ranges.at(-1);
    const joins = last !== undefined && last.to === range.from;
    if (joins) ranges.pop();
    ranges.push({
      from: joins ? last.from : range.from,
      to: range.to,
      source: totals(joins ? sum(last.source, a) : a, options.mode),
      target: totals(joins ? sum(last.target, b) : b, options.mode),
    });
  }
  return ranges;
}

interface Sum {
  readonly rows: number;
  readonly checksum: string | undefined;
}

const EMPTY: Sum = { rows: 0, checksum: '0' };

function sum(a: Sum, b: Sum): Sum {
  return { rows: a.rows + b.rows, checksum: String(BigInt(a.checksum ?? 0) + BigInt(b.checksum ?? 0)) };
}

function totals({ rows, checksum }: Sum, mode: VerifyMode): RowTotals {
  return { rows, checksum: mode === 'counts' ? undefined : checksum };
}

/** Where the parts begin and end: all rows of both sides lie between the first and the last. */
async function cut(
  source: NarrowedSide,
  target: NarrowedSide,
  dimension: TimeDimension,
  where: string,
): Promise<string[]> {
  const column = `hf_row.${quoteIdentifier(dimension.column)}`;
  const extent = (side: NarrowedSide) =>
    side.session.one<{ low: string | null; high: string | null }>(
      `SELECT pg_catalog.min(${column})::text AS low, pg_catalog.max(${column})::text AS high FROM ${side.from} WHERE ${where}`,
    );
  const extents = await Promise.all([extent(source), extent(target)]);
  const values = extents.flatMap(({ low, high }) => [low, high]).filter((value) => value !== null);
  if (values.length === 0) return [];
  // The exclusive end is one unit of the type beyond the last row.
  const unit = isIntegerTime(dimension) ? '1' : dimension.type === 'date' ? '1' : `interval '1 microsecond'`;
  const part = isIntegerTime(dimension)
    ? `(low::numeric + pg_catalog.trunc((high::numeric - low) * i / ${PARTS}))::${dimension.type}`
    : dimension.type === 'date'
      ? `low + ((high - low) * i / ${PARTS})`
      : `low + (high - low) * (i / ${PARTS}.0)`;
  const rows = await source.session.query<{ bound: string }>(`
SELECT DISTINCT bound::text AS bound, bound AS position
FROM (SELECT pg_catalog.min(v) AS low, pg_catalog.max(v) + ${unit} AS high
      FROM (VALUES ${values.map((value) => `(${timeLiteral(dimension, value)})`).join(', ')}) AS given (v)) AS extent
CROSS JOIN LATERAL pg_catalog.generate_series(0, ${PARTS}) AS i
CROSS JOIN LATERAL (SELECT ${part} AS bound) AS cut
ORDER BY position`);
  return rows.map(({ bound }) => bound);
}

async function readParts(
  side: NarrowedSide,
  dimension: TimeDimension,
  where: string,
  bounds: readonly string[],
  { mode, encodings }: { readonly mode: VerifyMode; readonly encodings: EncodingMatch },
): Promise<Map<number, Sum>> {
  const column = `hf_row.${quoteIdentifier(dimension.column)}`;
  const array = `ARRAY[${bounds.map((bound) => timeLiteral(dimension, bound)).join(', ')}]`;
  const checksum = mode === 'counts' ? '0' : `pg_catalog.sum(${rowHash(side.columns, encodings)})`;
  const rows = await side.session.query<{ part: number; rows: string; checksum: string }>(`
SELECT pg_catalog.width_bucket(${column}, ${array}) AS part, pg_catalog.count(*)::text AS rows, ${checksum}::text AS checksum
FROM ${side.from} WHERE ${where} GROUP BY 1`);
  return new Map(
    rows.map(({ part, rows: count, checksum: value }) => [part, { rows: Number(count), checksum: value }]),
  );
}
