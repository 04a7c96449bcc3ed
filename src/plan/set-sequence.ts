import type { SequenceValue } from '../inventory/sequences.js';
import { quoteLiteral, quoteQualified } from '../postgres/quoting.js';

/** SQL that gives a sequence its value, in the words of `pg_dump`. */
export function setSequence(value: SequenceValue): string {
  return `SELECT pg_catalog.setval(${quoteLiteral(quoteQualified(value))}, ${value.lastValue}, ${value.isCalled})`;
}
