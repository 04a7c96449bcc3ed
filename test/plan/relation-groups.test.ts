import { expect, test } from 'vitest';
import type { Relation } from '../../src/inventory/relations.js';
import { groupRelations } from '../../src/plan/relation-groups.js';

const MEGABYTE = 1024 ** 2;

test('a large relation is a task of its own, and the largest comes first', () => {
  const tasks = groupRelations([
    relation(1, 20 * MEGABYTE),
    relation(2, 90 * MEGABYTE),
    relation(3, 50 * MEGABYTE),
  ]);
  expect(tasks.map(({ relations }) => relations.map(({ oid }) => oid))).toEqual([[2], [3], [1]]);
  expect(tasks.map(({ bytes }) => bytes / MEGABYTE)).toEqual([90, 50, 20]);
});

test('small relations go together, up to eight megabytes', () => {
  const tasks = groupRelations(Array.from({ length: 20 }, (_, n) => relation(n + 1, MEGABYTE)));
  expect(tasks.map(({ relations }) => relations.length)).toEqual([8, 8, 4]);
});

test('empty relations go together, up to fifty', () => {
  const tasks = groupRelations(Array.from({ length: 120 }, (_, n) => relation(n + 1, 0)));
  expect(tasks.map(({ relations }) => relations.length)).toEqual([50, 50, 20]);
});

test('each relation is in exactly one task, whatever the sizes', () => {
  const relations = Array.from({ length: 500 }, (_, n) =>
    relation(n + 1, (n * 7919 * 10_007) % (12 * MEGABYTE)),
  );
  const tasks = groupRelations(relations);
  const oids = tasks.flatMap((task) => task.relations.map(({ oid }) => oid));
  expect(oids.toSorted((a, b) => a - b)).toEqual(relations.map(({ oid }) => oid));
  for (const { relations: members, bytes } of tasks) {
    expect(bytes).toBe(members.reduce((sum, member) => sum + member.bytes, 0));
    if (members.length > 1) expect(bytes).toBeLessThanOrEqual(8 * MEGABYTE);
  }
});

test('nothing makes no group', () => {
  expect(groupRelations([])).toEqual([]);
});

function relation(oid: number, bytes: number): Relation {
  return {
    oid,
    schema: 'public',
    name: `t${oid}`,
    kind: 'table',
    parent: undefined,
    fileNode: oid,
    pages: 1,
    bytes,
    columns: [],
    format: 'binary',
    loadThrough: undefined,
  };
}
