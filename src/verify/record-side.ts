import type { Emit } from '../engine/events.js';
import type { SequenceValue } from '../inventory/sequences.js';
import type { SideAccess } from './compare-context.js';
import { nameOf, pairRelations } from './compared-relation.js';
import { type KnownSide, readSide } from './known-side.js';
import type { RecordedObject } from './object-set.js';
import { type NamedRelation, readTotals } from './read-totals.js';
import { noteObjects } from './side-objects.js';
import type { RecordedObjects, SideRecord } from './side-record.js';
import type { RowTotals, VerifyMode } from './verification.js';

/** A side, and what a later comparison will ask of it, less its rows and the many objects. */
export interface NotedSide {
  readonly name: string;
  readonly side: KnownSide;
  readonly objects: Omit<RecordedObjects, 'read'>;
}

/** Notes the definitions of a database, the catalogs of its extensions, and the like. */
export async function noteSide(
  access: SideAccess,
  options: {
    readonly mode: VerifyMode;
    /** The values that the sequences had when they were copied. */
    readonly sequenceValues: readonly SequenceValue[];
    readonly signal: AbortSignal;
    /** Takes what is many. */
    readonly note: (query: string, object: RecordedObject) => void;
  },
): Promise<NotedSide> {
  const side = { ...(await readSide('source', access, options)), largeObjectAccess: 'functions' as const };
  return { name: access.name, side, objects: await noteObjects(side, options, options.note) };
}

export interface RecordOptions {
  readonly mode: VerifyMode;
  readonly jobs: number;
  /** How many rows of a relation were written. */
  readonly written: (name: string) => number;
  /** Gives the objects that were noted. */
  readonly read: RecordedObjects['read'];
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/** Adds what the rows add up to: as they were written, where only their numbers are wanted, and else as they are read again. */
export async function recordSide(
  { name, side, objects }: NotedSide,
  options: RecordOptions,
): Promise<SideRecord> {
  const { inventory, columns, chunksOfCompressed, notCompared } = side;
  const pairs = pairRelations(inventory, inventory, { source: columns, target: columns }, () => true);
  const relations = pairs.both.map(({ name, source }): NamedRelation => ({ name, ...source }));
  const totals =
    options.mode === 'counts'
      ? writtenTotals(relations, options)
      : await readChecksums(side, relations, options);
  return {
    name,
    inventory,
    columns,
    chunksOfCompressed,
    notCompared,
    mode: options.mode,
    totals,
    objects: { ...objects, read: options.read },
  };
}

function writtenTotals(
  relations: readonly NamedRelation[],
  { written }: RecordOptions,
): Map<string, RowTotals> {
  return new Map(
    relations.map(({ name, relations: read }) => [
      name,
      { rows: read.reduce((sum, relation) => sum + written(nameOf(relation)), 0), checksum: undefined },
    ]),
  );
}

function readChecksums(
  side: KnownSide,
  relations: readonly NamedRelation[],
  { mode, jobs, emit, signal }: RecordOptions,
): Promise<Map<string, RowTotals>> {
  emit({
    type: 'verify-planned',
    relations: relations.length,
    bytes: relations.reduce((sum, { bytes }) => sum + bytes, 0),
  });
  const bytes = new Map(relations.map((relation) => [relation.name, relation.bytes]));
  return readTotals(side, relations, {
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
}
