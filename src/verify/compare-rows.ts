import type { Emit } from '../engine/events.js';
import { quoteQualified } from '../postgres/quoting.js';
import { type ComparedRelation, nameOf, type RelationPairs } from './compared-relation.js';
import { findDifferingRows, readKeys } from './differing-rows.js';
import type { KnownSide } from './known-side.js';
import { type NamedRelation, readTotals } from './read-totals.js';
import type { EncodingMatch } from './row-hash.js';
import { withComparingSession } from './side.js';
import type { RelationDifference, RowTotals, VerifyMode } from './verification.js';

export interface RowComparison {
  readonly mode: VerifyMode;
  readonly encodings: EncodingMatch;
  /** Workers on each side. */
  readonly jobs: number;
  /** How many differing rows of a relation are shown. */
  readonly examples: number;
  readonly signal: AbortSignal | undefined;
  readonly emit: Emit;
}

export interface ComparedRows {
  readonly differences: readonly RelationDifference[];
  readonly sourceRows: number;
  readonly targetRows: number;
}

/** A difference in as many relations is looked into row by row; each costs three more reads of the relation. */
const SEARCHED_RELATIONS = 20;

/** Reads both sides once, at the same time, and then looks into what differs. */
export async function compareRows(
  source: KnownSide,
  target: KnownSide,
  pairs: RelationPairs,
  options: RowComparison,
): Promise<ComparedRows> {
  const { both, onlySource, onlyTarget } = pairs;
  options.emit({
    type: 'verify-planned',
    relations: both.length,
    bytes: both.reduce((sum, relation) => sum + relation.source.bytes, 0),
  });
  const [left, right] = await readBothTotals(source, target, both, options);
  const differing = both.filter(({ name }) => !sameTotals(left.get(name), right.get(name)));
  const examples = source.record
    ? undefined
    : await searchExamples(source, target, differing.slice(0, SEARCHED_RELATIONS), options);
  const [missingOnTarget, missingOnSource] = await Promise.all([
    readSideTotals(source, onlySource.map(alone), totalsOptions({ ...options, mode: 'counts' })),
    readSideTotals(target, onlyTarget.map(alone), totalsOptions({ ...options, mode: 'counts' })),
  ]);
  return {
    differences: [
      ...[...missingOnTarget].map(
        ([relation, { rows }]) => ({ relation, state: 'missing on target', sourceRows: rows }) as const,
      ),
      ...[...missingOnSource].map(
        ([relation, { rows }]) => ({ relation, state: 'missing on source', targetRows: rows }) as const,
      ),
      ...differing.map(({ name }) => ({
        relation: name,
        state: 'different' as const,
        source: left.get(name) ?? NOTHING,
        target: right.get(name) ?? NOTHING,
        examples: examples?.get(name) ?? [],
      })),
    ],
    sourceRows: rowsOf(left) + rowsOf(missingOnTarget),
    targetRows: rowsOf(right) + rowsOf(missingOnSource),
  };
}

export const NOTHING: RowTotals = { rows: 0, checksum: undefined };

export function sameTotals(a: RowTotals | undefined, b: RowTotals | undefined): boolean {
  return a?.rows === b?.rows && a?.checksum === b?.checksum;
}

/** Both sides at once; when one fails, the other is stopped. */
export async function readBothTotals(
  source: KnownSide,
  target: KnownSide,
  both: readonly ComparedRelation[],
  options: RowComparison,
): Promise<[Map<string, RowTotals>, Map<string, RowTotals>]> {
  const half = new Map<string, RowTotals>();
  const relations = new Map(both.map((relation) => [relation.name, relation]));
  const onRead =
    (isSource: boolean) =>
    (name: string, totals: RowTotals): void => {
      const other = half.get(name);
      if (!other) {
        half.set(name, totals);
        return;
      }
      half.delete(name);
      options.emit({
        type: 'relation-verified',
        relation: name,
        state: sameTotals(totals, other) ? 'equal' : 'different',
        sourceRows: isSource ? totals.rows : other.rows,
        targetRows: isSource ? other.rows : totals.rows,
        sourceBytes: relations.get(name)?.source.bytes ?? 0,
      });
    };
  const stop = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
  const read = async (side: KnownSide, isSource: boolean): Promise<Map<string, RowTotals>> => {
    try {
      const named = both.map(({ name, ...sides }): NamedRelation => ({ name, ...sides[side.side] }));
      return await readSideTotals(side, named, { ...options, signal, onRead: onRead(isSource) });
    } catch (error) {
      stop.abort(error);
      throw error;
    }
  };
  const results = await Promise.allSettled([read(source, true), read(target, false)]);
  for (const result of results) {
    // The failure that came first is the reason that both give.
    if (result.status === 'rejected') throw stop.signal.aborted ? stop.signal.reason : result.reason;
  }
  return results.map((result) => (result as PromiseFulfilledResult<Map<string, RowTotals>>).value) as [
    Map<string, RowTotals>,
    Map<string, RowTotals>,
  ];
}

/** What was noted of relations, where the side is not there to be read. */
async function readSideTotals(
  side: KnownSide,
  relations: readonly NamedRelation[],
  options: Parameters<typeof readTotals>[2],
): Promise<Map<string, RowTotals>> {
  const { record } = side;
  if (!record) return readTotals(side, relations, options);
  return new Map(
    relations.map(({ name }) => {
      const { rows, checksum } = record.totals.get(name) ?? NOTHING;
      const totals = { rows, checksum: options.mode === 'counts' ? undefined : checksum };
      options.onRead(name, totals);
      return [name, totals];
    }),
  );
}

function totalsOptions(options: RowComparison): Parameters<typeof readTotals>[2] {
  return { ...options, signal: options.signal ?? new AbortController().signal, onRead: () => {} };
}

async function searchExamples(
  source: KnownSide,
  target: KnownSide,
  differing: readonly ComparedRelation[],
  options: RowComparison,
) {
  const found = new Map<string, Awaited<ReturnType<typeof findDifferingRows>>>();
  if (differing.length === 0 || options.examples === 0) return found;
  await withComparingSession(source, options.signal, (left) =>
    withComparingSession(target, options.signal, async (right) => {
      const keys = await readKeys(
        left,
        differing.map((relation) => relation.source.oid),
      );
      for (const relation of differing) {
        const common = new Set(relation.source.columns.map(({ name }) => name));
        const key = (keys.get(relation.source.oid) ?? []).filter((name) => common.has(name));
        const rows = await findDifferingRows(
          { session: left, relation: relation.source },
          { session: right, relation: relation.target },
          { key, limit: options.examples, encodings: options.encodings },
        );
        found.set(relation.name, rows);
      }
    }),
  );
  return found;
}

function alone(relation: RelationPairs['onlySource'][number]): NamedRelation {
  return {
    name: nameOf(relation),
    oid: relation.oid,
    from: `ONLY ${quoteQualified(relation)} AS hf_row`,
    columns: [],
    bytes: relation.bytes,
    relations: [relation],
  };
}

function rowsOf(totals: ReadonlyMap<string, RowTotals>): number {
  return [...totals.values()].reduce((sum, { rows }) => sum + rows, 0);
}
