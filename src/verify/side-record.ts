import type { Inventory } from '../inventory/inventory.js';
import type { LeftOut } from '../plan/left-out.js';
import type { ColumnsByRelation } from './columns.js';
import type { ObjectSum } from './object-queries.js';
import type { RecordedObject } from './object-set.js';
import type { ObjectDifference, RowTotals, VerifyMode } from './verification.js';

/**
 * All that a comparison asks of a side, noted when it was there. Hashes of rows are those that
 * compare with a database of any encoding, and large objects are read as any owner may.
 */
export interface SideRecord {
  /** How the side is named in the result. */
  readonly name: string;
  readonly inventory: Inventory;
  readonly columns: ColumnsByRelation;
  /** The chunk whose compressed rows a relation holds, by both OIDs. */
  readonly chunksOfCompressed: ReadonlyMap<number, number>;
  readonly notCompared: readonly LeftOut[];
  /** What is known of rows: a side of which only the numbers were noted is compared by them. */
  readonly mode: VerifyMode;
  readonly totals: ReadonlyMap<string, RowTotals>;
  /** What else was noted. Undefined where nothing is known but rows. */
  readonly objects: RecordedObjects | undefined;
}

/** Definitions, the catalogs of extensions, and the like. */
export interface RecordedObjects {
  /** Those that are few whatever the number of chunks. */
  readonly few: readonly (readonly [ObjectDifference['area'], readonly RecordedObject[]])[];
  /** The others: what the objects of each query add up to. */
  readonly sums: ReadonlyMap<string, RecordedSum>;
  /** Gives the objects of queries themselves, which are asked for where their sums differ. */
  read(queries: ReadonlySet<string>): Promise<Iterable<RecordedObject>>;
}

export interface RecordedSum extends ObjectSum {
  readonly area: ObjectDifference['area'];
}
