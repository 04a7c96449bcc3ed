import type { LeftOut } from '../plan/left-out.js';

/** How much of the rows is compared: their number alone, or a checksum over every column too. */
export type VerifyMode = 'counts' | 'checksums';

/** What one side holds of a relation or of a range. */
export interface RowTotals {
  readonly rows: number;
  /** The sum of all rows' hashes, as text: it passes 2^53. Undefined where only the rows were counted. */
  readonly checksum: string | undefined;
}

/** A row that one side lacks or has in another form, or in another number. */
export interface DifferingRow {
  /** The values of the relation's key by column; undefined where it has none. */
  readonly key: Readonly<Record<string, string | null>> | undefined;
  /** The rows of that key on each side. Where both have one, only the columns that differ. */
  readonly source: readonly Readonly<Record<string, string | null>>[];
  readonly target: readonly Readonly<Record<string, string | null>>[];
}

/** A relation whose rows differ. */
export type RelationDifference =
  | { readonly relation: string; readonly state: 'missing on source'; readonly targetRows: number }
  | { readonly relation: string; readonly state: 'missing on target'; readonly sourceRows: number }
  | {
      readonly relation: string;
      readonly state: 'different';
      readonly source: RowTotals;
      readonly target: RowTotals;
      /** Some of the rows that differ. */
      readonly examples: readonly DifferingRow[];
    };

/** A definition, a row of an extension's catalog, a sequence's value, a role or a large object that differs. */
export interface ObjectDifference {
  readonly area: 'definition' | 'catalog' | 'sequence' | 'role' | 'large object';
  /** What it is: `index`, `grants on table`, `owner of view`, `_timescaledb_catalog.chunk`, … */
  readonly kind: string;
  /** Its qualified name, or its key. */
  readonly object: string;
  readonly state: 'different' | 'missing on source' | 'missing on target';
  /** The lines of each side that the other lacks. */
  readonly source: readonly string[];
  readonly target: readonly string[];
}

/** A range of a hypertable, or of a table without one, whose rows differ through SQL. */
export interface RangeDifference {
  readonly relation: string;
  /** The side that has no such table. */
  readonly missing: 'on source' | 'on target' | undefined;
  /** The range of the time dimension, from inclusive to exclusive; undefined for the whole. */
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly source: RowTotals;
  readonly target: RowTotals;
  readonly examples: readonly DifferingRow[];
}

/** A difference that is meant: the plan left the object out, or an option said so. */
export interface ExplainedDifference {
  readonly difference: ObjectDifference;
  readonly reason: string;
}

/** What a comparison of two databases found. Plain data: `JSON.stringify` gives the whole of it. */
export interface Verification {
  readonly source: string;
  readonly target: string;
  readonly mode: VerifyMode;
  /** Whether no difference was found but those that are meant. */
  readonly equal: boolean;
  /** Relations compared as they are stored: each table, and each chunk for itself. */
  readonly relations: { readonly compared: number; readonly different: readonly RelationDifference[] };
  readonly rows: { readonly source: number; readonly target: number };
  /** Tables and hypertables compared through SQL (`--logical`). */
  readonly logical:
    | { readonly compared: number; readonly ranges: number; readonly different: readonly RangeDifference[] }
    | undefined;
  /** Definitions, catalog rows, sequences, roles and large objects. */
  readonly objects: { readonly compared: number; readonly different: readonly ObjectDifference[] };
  readonly explained: readonly ExplainedDifference[];
  /** What the plan left out, whether or not it makes a difference that is compared. */
  readonly leftOut: readonly LeftOut[];
  /** What could not be compared, and why. */
  readonly notCompared: readonly LeftOut[];
  readonly seconds: number;
}
