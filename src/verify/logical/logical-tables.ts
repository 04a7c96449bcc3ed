import type { QualifiedName } from '../../inventory/sequences.js';
import { quoteQualified } from '../../postgres/quoting.js';
import {
  readContinuousAggregates,
  readTimeDimensions,
  type TimeDimension,
} from '../../timescale/hypertables.js';
import { nameOf } from '../compared-relation.js';
import type { KnownSide } from '../known-side.js';
import { withComparingSession } from '../side.js';
import { matchesPattern } from '../table-pattern.js';

/** Something that an application reads by its name: a table, a partitioned table, a hypertable, a continuous aggregate. */
export interface LogicalTable {
  readonly name: string;
  readonly kind: 'table' | 'hypertable' | 'continuous aggregate';
  readonly oid: number;
  readonly from: string;
  readonly bytes: number;
  readonly dimension: TimeDimension | undefined;
}

/** A partition is read with its partitioned table, whatever the partitions of the other side are. */
const READ_PARTITIONS = 'SELECT oid::int8 AS oid FROM pg_catalog.pg_class WHERE relispartition';

const READ_VIEW_OIDS = `
SELECT r.name, pg_catalog.to_regclass(r.name)::oid::int8 AS oid FROM pg_catalog.unnest($1::text[]) AS r (name)`;

/** TimescaleDB keeps chunks and its own hypertables there, in other tables on another server. */
const INTERNAL_SCHEMA = '_timescaledb_internal';

/** What a side's applications can read, by name. */
export async function readLogicalTables(
  side: KnownSide,
  options: { readonly tables?: string | undefined; readonly signal: AbortSignal | undefined },
): Promise<Map<string, LogicalTable>> {
  const { relations, timescale } = side.inventory;
  const { dimensions, aggregates, parts } = await withComparingSession(
    side,
    options.signal,
    async (session) => {
      const views = timescale ? await readContinuousAggregates(session) : [];
      const oids = await session.query<{ name: string; oid: string }>(READ_VIEW_OIDS, [
        views.map(quoteQualified),
      ]);
      const partitions = await session.query<{ oid: string }>(READ_PARTITIONS);
      return {
        parts: new Set(partitions.map(({ oid }) => Number(oid))),
        dimensions: timescale ? await readTimeDimensions(session) : [],
        aggregates: views.map((view, index) => ({ ...view, oid: Number(oids[index]?.oid) })),
      };
    },
  );
  const dimensionOf = new Map(dimensions.map((dimension) => [nameOf(dimension), dimension]));
  const bytesBelow = new Map<number, number>();
  for (const { parent, bytes } of relations) {
    if (parent !== undefined) bytesBelow.set(parent, (bytesBelow.get(parent) ?? 0) + bytes);
  }
  const { tables: pattern } = options;
  const isMeant = (table: QualifiedName): boolean => pattern === undefined || matchesPattern(table, pattern);
  const tables = relations
    .filter(({ oid, kind, schema }) => kind !== 'chunk' && schema !== INTERNAL_SCHEMA && !parts.has(oid))
    .filter(isMeant)
    .map(
      (relation): LogicalTable => ({
        name: nameOf(relation),
        kind: relation.kind === 'hypertable' ? 'hypertable' : 'table',
        oid: relation.oid,
        from: `${relation.kind === 'table' ? 'ONLY ' : ''}${quoteQualified(relation)} AS hf_row`,
        bytes: relation.bytes + (bytesBelow.get(relation.oid) ?? 0),
        dimension: dimensionOf.get(nameOf(relation)),
      }),
    );
  const views = aggregates.filter(isMeant).map(
    (view): LogicalTable => ({
      name: nameOf(view),
      kind: 'continuous aggregate',
      oid: view.oid,
      from: `${quoteQualified(view)} AS hf_row`,
      bytes: 0,
      dimension: undefined,
    }),
  );
  return new Map([...tables, ...views].map((table) => [table.name, table]));
}
