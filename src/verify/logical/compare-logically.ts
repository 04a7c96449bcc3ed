import type { LeftOut } from '../../plan/left-out.js';
import { HyperferryError } from '../../postgres/error.js';
import { isInRestoreMode } from '../../timescale/timescale.js';
import { columnDifferences } from '../column-differences.js';
import { commonColumns } from '../columns.js';
import type { CompareContext } from '../compare-context.js';
import { NOTHING, readBothTotals, sameTotals } from '../compare-rows.js';
import type { ComparedRelation } from '../compared-relation.js';
import { findDifferingRows, readKeys } from '../differing-rows.js';
import { encodingsOf, type KnownSide, readSide } from '../known-side.js';
import { refuseRewrittenSince } from '../read-totals.js';
import { withComparingSession } from '../side.js';
import { refuseUnknownTables } from '../table-pattern.js';
import type { RangeDifference, RowTotals, Verification } from '../verification.js';
import { type LogicalTable, readLogicalTables } from './logical-tables.js';
import { narrowDown } from './narrow.js';
import { isIntegerTime, rangeCondition, rangesOf, type TimeRange } from './ranges.js';

export interface LogicalContext extends CompareContext {
  readonly since?: string | undefined;
  readonly until?: string | undefined;
}

/** A table, or a range of a hypertable, with what both sides need to read it. */
interface Portion extends ComparedRelation {
  readonly source: ComparedRelation['source'] & { readonly where?: string };
  readonly target: ComparedRelation['target'] & { readonly where?: string };
  readonly table: LogicalTable;
  readonly range: TimeRange;
}

/** As many ranges that differ are narrowed down. */
const NARROWED_RANGES = 20;

/**
 * Compares the rows of tables, hypertables and continuous aggregates as an application reads them: chunks, compression
 * and the version of TimescaleDB may differ. Hypertables are compared range by range of their time.
 */
export async function compareLogically(context: LogicalContext): Promise<Verification> {
  const begun = performance.now();
  const [source, target] = await Promise.all([
    readSide('source', context.source, context),
    readSide('target', context.target, context),
  ]);
  await Promise.all([source, target].map((side) => refuseRestoreMode(side, context.signal)));
  const [left, right] = await Promise.all([
    readLogicalTables(source, { tables: context.tables, signal: context.signal }),
    readLogicalTables(target, { tables: context.tables, signal: context.signal }),
  ]);
  refuseUnknownTables(context.tables, left.size + right.size > 0);
  const notCompared: LeftOut[] = [];
  const asked = { from: context.since, to: context.until };
  const isMeant = (table: LogicalTable): boolean => {
    const reason = reasonAgainst(table, asked);
    if (reason) notCompared.push({ object: `${table.kind} ${table.name}`, reason });
    return reason === undefined;
  };
  const tables = [...left.values()].filter((table) => isMeant(table));
  const portions = tables.flatMap((table) => {
    const there = right.get(table.name);
    return there ? portionsOf(table, there, source, target, asked) : [];
  });
  const columns = tables.flatMap((table) => {
    const there = right.get(table.name);
    return there
      ? columnDifferences(
          table.name,
          source.columns.get(table.oid) ?? [],
          target.columns.get(there.oid) ?? [],
        )
      : [];
  });
  const emit = context.emit ?? (() => {});
  emit({
    type: 'verify-planned',
    relations: portions.length,
    bytes: portions.reduce((sum, portion) => sum + portion.source.bytes, 0),
  });
  const [leftTotals, rightTotals] = await readBothTotals(source, target, portions, {
    mode: context.mode,
    encodings: encodingsOf(source, target),
    jobs: context.jobs,
    examples: 0,
    signal: context.signal,
    emit,
  });
  for (const side of [source, target]) {
    await withComparingSession(side, context.signal, (session) => refuseRewrittenSince(side, session));
  }
  const differing = portions.filter(({ name }) => !sameTotals(leftTotals.get(name), rightTotals.get(name)));
  const different = [
    ...(await describeDifferences(differing, leftTotals, rightTotals, source, target, context, asked)),
    ...missingTables(tables, right, left, asked),
  ];
  const rows = (totals: ReadonlyMap<string, RowTotals>): number =>
    [...totals.values()].reduce((sum, one) => sum + one.rows, 0);
  return {
    source: context.source.name,
    target: context.target.name,
    mode: context.mode,
    equal: different.length === 0 && columns.length === 0,
    relations: { compared: 0, different: [] },
    rows: { source: rows(leftTotals), target: rows(rightTotals) },
    logical: { compared: tables.length, ranges: portions.length, different },
    objects: { compared: 0, different: columns },
    explained: [],
    leftOut: context.leftOut ?? [],
    notCompared,
    seconds: Math.round(performance.now() - begun) / 1000,
  };
}

/** In restore mode a hypertable looks like the plain table under it. */
async function refuseRestoreMode(side: KnownSide, signal: AbortSignal | undefined): Promise<void> {
  const restoring = await withComparingSession(side, signal, (session) => isInRestoreMode(session));
  if (!restoring) return;
  throw new HyperferryError(
    'UNSUITABLE',
    `the ${side.side} is in restore mode, in which hypertables cannot be read through SQL`,
    {
      hint: 'Compare it as it is stored, without --logical, or end restore mode: SELECT timescaledb_post_restore();',
    },
  );
}

function reasonAgainst(table: LogicalTable, asked: TimeRange): string | undefined {
  if (asked.from === undefined && asked.to === undefined) return undefined;
  if (!table.dimension) return 'it has no time dimension to which --since and --until could refer';
  const isInteger = [asked.from, asked.to].every((bound) => bound === undefined || /^-?\d+$/.test(bound));
  return isInteger === isIntegerTime(table.dimension)
    ? undefined
    : `its time is of type ${table.dimension.type}, which --since and --until are not`;
}

function portionsOf(
  table: LogicalTable,
  there: LogicalTable,
  source: KnownSide,
  target: KnownSide,
  asked: TimeRange,
): Portion[] {
  const common = commonColumns(source.columns.get(table.oid) ?? [], target.columns.get(there.oid) ?? []);
  const { dimension } = table;
  const ranges = dimension ? rangesOf(dimension) : [{ from: undefined, to: undefined }];
  return ranges.map((range): Portion => {
    const where = dimension ? { where: rangeCondition(dimension, range, asked) } : {};
    const portion = (one: LogicalTable, columns: typeof common.source) => ({
      oid: one.oid,
      from: one.from,
      columns,
      bytes: one.bytes / ranges.length,
      relations: [],
      ...where,
    });
    return {
      name: dimension
        ? `${table.name} from ${range.from ?? 'the first'} to ${range.to ?? 'the last'}`
        : table.name,
      kind: 'table',
      table,
      range,
      source: portion(table, common.source),
      target: portion(there, common.target),
    };
  });
}

function missingTables(
  tables: readonly LogicalTable[],
  right: ReadonlyMap<string, LogicalTable>,
  left: ReadonlyMap<string, LogicalTable>,
  asked: TimeRange,
): RangeDifference[] {
  const difference = ({ name }: LogicalTable, missing: RangeDifference['missing']): RangeDifference => ({
    relation: name,
    missing,
    from: undefined,
    to: undefined,
    source: NOTHING,
    target: NOTHING,
    examples: [],
  });
  return [
    ...tables.filter(({ name }) => !right.has(name)).map((table) => difference(table, 'on target')),
    ...[...right.values()]
      .filter((table) => !left.has(table.name) && reasonAgainst(table, asked) === undefined)
      .map((table) => difference(table, 'on source')),
  ];
}

async function describeDifferences(
  differing: readonly Portion[],
  leftTotals: ReadonlyMap<string, RowTotals>,
  rightTotals: ReadonlyMap<string, RowTotals>,
  source: KnownSide,
  target: KnownSide,
  context: LogicalContext,
  asked: TimeRange,
): Promise<RangeDifference[]> {
  if (differing.length === 0) return [];
  const encodings = encodingsOf(source, target);
  return withComparingSession(source, context.signal, (left) =>
    withComparingSession(target, context.signal, async (right) => {
      const keys = await readKeys(left, [...new Set(differing.map(({ table }) => table.oid))]);
      const shown = new Map<string, number>();
      const differences: RangeDifference[] = [];
      for (const [index, portion] of differing.entries()) {
        const { table, range, name } = portion;
        const whole = {
          ...range,
          source: leftTotals.get(name) ?? NOTHING,
          target: rightTotals.get(name) ?? NOTHING,
        };
        const narrowed =
          table.dimension && index < NARROWED_RANGES
            ? await narrowDown(
                { session: left, ...portion.source },
                { session: right, ...portion.target },
                table.dimension,
                [range, asked],
                { mode: context.mode, encodings },
              )
            : [];
        for (const one of narrowed.length > 0 ? narrowed : [whole]) {
          const limit = (context.examples ?? 10) - (shown.get(table.name) ?? 0);
          const examples =
            limit > 0 && index < NARROWED_RANGES
              ? await findDifferingRows(
                  { session: left, relation: portion.source },
                  { session: right, relation: portion.target },
                  {
                    key: keys.get(table.oid) ?? [],
                    limit,
                    encodings,
                    ...(table.dimension ? { where: rangeCondition(table.dimension, one, asked) } : {}),
                  },
                )
              : [];
          shown.set(table.name, (shown.get(table.name) ?? 0) + examples.length);
          differences.push({ relation: table.name, missing: undefined, ...one, examples });
        }
      }
      return differences;
    }),
  );
}
