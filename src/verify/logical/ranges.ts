import { quoteIdentifier, quoteLiteral } from '../../postgres/quoting.js';
import type { TimeDimension } from '../../timescale/hypertables.js';

/** From inclusive to exclusive; an end that is undefined is open. */
export interface TimeRange {
  readonly from: string | undefined;
  readonly to: string | undefined;
}

/** Each range is a query on each side; more of them than this narrow down no better. */
const MOST_RANGES = 500;

/** Ranges without a gap and open at both ends, so that no row is in none, cut where the source's chunks begin. */
export function rangesOf({ bounds }: Pick<TimeDimension, 'bounds'>): TimeRange[] {
  const step = Math.ceil(Math.max(1, bounds.length - 2) / MOST_RANGES);
  const inner = bounds.slice(1, -1).filter((_, index) => index % step === 0);
  return [undefined, ...inner].map((from, index) => ({ from, to: inner[index] }));
}

/** SQL for the rows of a range that are also in the range asked for. */
export function rangeCondition(dimension: TimeDimension, ...ranges: readonly TimeRange[]): string {
  const column = `hf_row.${quoteIdentifier(dimension.column)}`;
  const conditions = ranges.flatMap(({ from, to }) => [
    ...(from === undefined ? [] : [`${column} >= ${timeLiteral(dimension, from)}`]),
    ...(to === undefined ? [] : [`${column} < ${timeLiteral(dimension, to)}`]),
  ]);
  return conditions.length > 0 ? conditions.join(' AND ') : 'true';
}

/** The type's name is the server's own, as `format_type` gives it. */
export function timeLiteral({ type }: Pick<TimeDimension, 'type'>, value: string): string {
  return `${quoteLiteral(value).trim()}::${type}`;
}

/** Whether counts of something, and not dates, divide the hypertable's time. */
export function isIntegerTime({ type }: Pick<TimeDimension, 'type'>): boolean {
  return ['smallint', 'integer', 'bigint'].includes(type);
}
