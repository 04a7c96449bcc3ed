import type { Emit } from '../engine/events.js';
import type { SequenceValue } from '../inventory/sequences.js';
import type { SideAccess } from './compare-context.js';
import { readAllObjects } from './compare-objects.js';
import { pairRelations } from './compared-relation.js';
import { readSide } from './known-side.js';
import { type NamedRelation, readTotals } from './read-totals.js';
import type { SideRecord } from './side-record.js';
import type { VerifyMode } from './verification.js';

export interface RecordOptions {
  readonly mode: VerifyMode;
  readonly jobs: number;
  /** The values that the sequences had when they were copied. */
  readonly sequenceValues: readonly SequenceValue[];
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/** Notes all that a later comparison will ask of a database: what its rows add up to, and its definitions. */
export async function recordSide(access: SideAccess, options: RecordOptions): Promise<SideRecord> {
  const { mode, jobs, emit, signal } = options;
  const side = { ...(await readSide('source', access, options)), largeObjectAccess: 'functions' as const };
  const { inventory, columns, chunksOfCompressed, notCompared } = side;
  const areas = await readAllObjects(side, side, options);
  const pairs = pairRelations(inventory, inventory, { source: columns, target: columns }, () => true);
  emit({
    type: 'verify-planned',
    relations: pairs.both.length,
    bytes: pairs.both.reduce((sum, { source }) => sum + source.bytes, 0),
  });
  const bytes = new Map(pairs.both.map(({ name, source }) => [name, source.bytes]));
  const named = pairs.both.map(({ name, source }): NamedRelation => ({ name, ...source }));
  const totals = await readTotals(side, named, {
    mode,
    encodings: 'other encoding',
    jobs,
    signal,
    onRead: (relation, { rows }) =>
      emit({
        type: 'relation-verified',
        relation,
        state: 'equal',
        sourceRows: rows,
        targetRows: rows,
        sourceBytes: bytes.get(relation) ?? 0,
      }),
  });
  return {
    name: access.name,
    inventory,
    columns,
    chunksOfCompressed,
    notCompared,
    mode,
    totals,
    objects: areas.map(([area, objects]) => [area, [...objects]]),
  };
}
