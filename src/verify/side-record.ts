import type { Inventory } from '../inventory/inventory.js';
import type { LeftOut } from '../plan/left-out.js';
import type { ColumnsByRelation } from './columns.js';
import type { RecordedObject } from './object-set.js';
import type { ObjectDifference, RowTotals, VerifyMode } from './verification.js';

/**
 * All that a comparison asks of a side, noted when it was there. Hashes are those that
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
  /** Gives what else was noted: of many chunks more than all the rest. Undefined where nothing is known but rows. */
  readonly readObjects: (() => Promise<RecordedAreas>) | undefined;
}

/** Objects by what they are of. */
export type RecordedAreas = readonly (readonly [ObjectDifference['area'], readonly RecordedObject[]])[];
