import type { Relation } from '../inventory/relations.js';
import type { PageRange } from './work.js';

/** A relation of this size is worth more than one worker: its rows, and its indexes at the same time. */
export const LARGE_BYTES = 64 * 1024 ** 2;

/** A part smaller than this is read and sent sooner than a worker finds it. */
const PART_BYTES = 32 * 1024 ** 2;

/** As many as there may be workers. */
const MOST_PARTS = 64;

/** TID range scans came with PostgreSQL 14: an older server reads the whole relation for each part. */
const FIRST_VERSION_WITH_RANGES = 140_000;

/**
 * Cuts a relation that is more than one worker's share of all rows into ranges of pages. Rows that come in parts cannot
 * be stored frozen, so that what other workers can be busy beside stays whole.
 *
 * @param share the bytes that each worker has to copy, were they even
 * @returns the parts; none, or one, for a relation that stays whole
 */
export function partsOf(relation: Relation, share: number, sourceVersion: number): PageRange[] {
  const { bytes, pages } = relation;
  if (sourceVersion < FIRST_VERSION_WITH_RANGES || bytes < LARGE_BYTES || bytes <= share) return [];
  const wanted = Math.min(Math.ceil(bytes / share), Math.floor(bytes / PART_BYTES), MOST_PARTS, pages);
  const each = Math.ceil(pages / wanted);
  const parts = Math.ceil(pages / each);
  return Array.from({ length: parts }, (_, index) => ({
    begin: index * each,
    // Pages that were added since hold no row that the snapshot sees; the last range is open all the same.
    end: index === parts - 1 ? undefined : (index + 1) * each,
  }));
}

/** Whether the rows of a relation stand that came whole, or in parts that all stand. */
export function hasAllParts(relation: Relation, has: (part: number, parts: number) => boolean): boolean {
  if (relation.bytes < LARGE_BYTES) return false;
  for (let parts = 2; parts <= MOST_PARTS; parts++) {
    if (Array.from({ length: parts }, (_, part) => part).every((part) => has(part, parts))) return true;
  }
  return false;
}
