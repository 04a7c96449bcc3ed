import { fingerprint, type Mark } from '../engine/done.js';
import type { ChangeCounters } from '../inventory/changes.js';
import type { Relation } from '../inventory/relations.js';
import { hasAllParts } from '../plan/relation-parts.js';
import type { Statement } from '../plan/statement.js';
import { quoteQualified } from '../postgres/quoting.js';

/** What of the source stands on the target, by the ledger. */
export interface Standing {
  /** Nothing stands yet, which needs no fingerprint to be known. */
  readonly isEmpty: boolean;
  has(mark: string): boolean;
  lacks(statement: Statement): boolean;
  hasRows(relation: Relation): boolean;
  rowsFingerprint(relation: Relation): string;
  /** Of one part of several of a relation's rows, counted from 0. */
  partFingerprint(relation: Relation, part: number, parts: number): string;
  hasLargeObject(oid: number): boolean;
  largeObjectFingerprint(oid: number): string;
}

/**
 * @param done the fingerprints in the ledger
 * @param before the counters of the source before the snapshot was taken: what is copied is marked with these
 * @param now those after it: what was copied earlier must have these
 */
export function standing(
  done: ReadonlySet<string>,
  before: ChangeCounters,
  now: ChangeCounters = before,
): Standing {
  const isEmpty = done.size === 0;
  return {
    isEmpty,
    has: (mark) => done.has(mark),
    lacks: (statement) => isEmpty || !done.has(statementFingerprint(statement)),
    hasRows: (relation) =>
      !isEmpty &&
      (done.has(rowsFingerprint(relation, now)) ||
        hasAllParts(relation, (part, parts) => done.has(partFingerprint(relation, now, part, parts)))),
    rowsFingerprint: (relation) => rowsFingerprint(relation, before),
    partFingerprint: (relation, part, parts) => partFingerprint(relation, before, part, parts),
    hasLargeObject: (oid) => done.has(largeObjectFingerprint(oid, now)),
    largeObjectFingerprint: (oid) => largeObjectFingerprint(oid, before),
  };
}

/** A definition that is another on the source now is another thing. */
export function statementFingerprint({ object, sql, definition }: Statement): string {
  return fingerprint(object, definition ?? sql);
}

/** What the ledger notes of a statement that was run. */
export function markOf(statement: Statement): Mark {
  const { object, undo } = statement;
  return { fingerprint: statementFingerprint(statement), object, undo };
}

/** Rows of a relation that was rewritten or written to since are others. */
function rowsFingerprint(relation: Relation, counters: ChangeCounters): string {
  return fingerprint('rows', quoteQualified(relation), String(relation.fileNode), counters.of(relation.oid));
}

function partFingerprint(relation: Relation, counters: ChangeCounters, part: number, parts: number): string {
  return fingerprint(rowsFingerprint(relation, counters), `part ${part} of ${parts}`);
}

/** The counters are of all large objects together. */
function largeObjectFingerprint(oid: number, counters: ChangeCounters): string {
  return fingerprint('large object', String(oid), counters.largeObjects);
}
