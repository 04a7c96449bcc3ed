import type { Relation } from '../inventory/relations.js';
import type { Statement } from './statement.js';

/** What one worker does in one transaction. Plain values: the ledger keeps them as JSON. */
export type Work = CopyWork | StatementsWork | AnalyzeWork | LargeObjectsWork;

/** Rows of relations. */
export interface CopyWork {
  readonly kind: 'copy';
  /** Columns and formats, each once: chunks have those of their hypertable. */
  readonly layouts: readonly Layout[];
  readonly relations: readonly CopiedRelation[];
}

export type Layout = Pick<Relation, 'columns' | 'format'>;

export type CopiedRelation = Omit<Relation, keyof Layout | 'parent' | 'pages'> & {
  /** An index into the layouts. */
  readonly layout: number;
  /** Of its rows on the source, as the attempt's snapshot sees them. */
  readonly fingerprint: string;
  /** The part of the heap that is copied, where workers share the relation. */
  readonly range?: PageRange | undefined;
};

/** Pages from `begin` on, and before `end` where there is one. */
export interface PageRange {
  readonly begin: number;
  readonly end: number | undefined;
}

/** Indexes of tables that have their rows, or foreign keys. */
export interface StatementsWork {
  readonly kind: 'statements';
  /** Tables that are locked first, in this order, so that two that share some do not deadlock. */
  readonly locks: readonly string[];
  readonly statements: readonly Statement[];
}

export interface AnalyzeWork {
  readonly kind: 'analyze';
  readonly relations: readonly { readonly schema: string; readonly name: string }[];
  /** Without what inherits from them. */
  readonly only?: boolean;
}

export interface LargeObjectsWork {
  readonly kind: 'large objects';
  readonly objects: readonly { readonly oid: number; readonly fingerprint: string }[];
}
