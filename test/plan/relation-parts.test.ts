import { expect, test } from 'vitest';
import type { Relation } from '../../src/inventory/relations.js';
import { hasAllParts, partsOf } from '../../src/plan/relation-parts.js';

const MEGABYTE = 1024 ** 2;

test('a relation that is no more than a worker’s share stays whole', () => {
  expect(partsOf(relation(500), 500 * MEGABYTE, 170_000)).toEqual([]);
  expect(partsOf(relation(63), MEGABYTE, 170_000), 'a small one').toEqual([]);
});

test('a larger one is cut into ranges that have all pages, each once', () => {
  const parts = partsOf(relation(1000), 300 * MEGABYTE, 170_000);
  expect(parts).toHaveLength(4);
  expect(parts[0]?.begin).toBe(0);
  for (const [index, { end }] of parts.entries()) expect(end).toBe(parts[index + 1]?.begin);
});

test('rows out of line make a relation large that has few pages', () => {
  expect(partsOf({ ...relation(1000), pages: 3 }, MEGABYTE, 170_000)).toEqual([
    { begin: 0, end: 1 },
    { begin: 1, end: 2 },
    { begin: 2, end: undefined },
  ]);
  expect(partsOf({ ...relation(1000), pages: 1 }, MEGABYTE, 170_000)).toHaveLength(1);
});

test('a source that would read all for each part is not asked for parts', () => {
  expect(partsOf(relation(1000), MEGABYTE, 130_000)).toEqual([]);
});

test('a relation stands when all parts of one attempt do', () => {
  const standing = (done: readonly string[]) =>
    hasAllParts(relation(100), (part, parts) => done.includes(`${part}/${parts}`));
  expect(standing(['0/2', '1/2'])).toBe(true);
  expect(standing(['0/2', '1/3', '2/3'])).toBe(false);
  expect(standing([])).toBe(false);
});

function relation(megabytes: number): Relation {
  return {
    oid: 1,
    schema: 'public',
    name: 'large',
    kind: 'table',
    parent: undefined,
    fileNode: 1,
    bytes: megabytes * MEGABYTE,
    pages: megabytes * 128,
    columns: [],
    format: 'binary',
    loadThrough: undefined,
  };
}
