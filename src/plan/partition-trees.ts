import type { TocEntry } from '../postgres/archive/archive-toc.js';
import type { Division } from './division.js';

interface Attachment {
  readonly partition: number;
  readonly parents: readonly number[];
}

/** Who is a partition of what, by the ids of their entries. An attachment has the partition's name. */
function attachments({ before }: Pick<Division, 'before'>): Attachment[] {
  const key = (entry: TocEntry): string => JSON.stringify([entry.schema, entry.tag]);
  const tables = new Map(
    before.filter(({ kind }) => kind === 'TABLE').map((entry) => [key(entry), entry.dumpId]),
  );
  return before
    .filter(({ kind }) => kind === 'TABLE ATTACH')
    .map((entry) => {
      const partition = tables.get(key(entry)) ?? 0;
      return { partition, parents: entry.dependencies.filter((id) => id !== partition) };
    });
}

/** The tables above those, up to the roots. */
export function partitionParents(schema: Pick<Division, 'before'>, tables: ReadonlySet<number>): Set<number> {
  const all = attachments(schema);
  const parents = new Set<number>();
  for (let size = -1; size !== parents.size; ) {
    size = parents.size;
    for (const { partition, parents: above } of all) {
      if (tables.has(partition) || parents.has(partition)) for (const id of above) parents.add(id);
    }
  }
  return parents;
}

/** Whole trees, from tables that are in them. */
export function partitionTrees(schema: Pick<Division, 'before'>, tables: ReadonlySet<number>): Set<number> {
  const all = attachments(schema);
  const trees = new Set(tables);
  for (let size = -1; size !== trees.size; ) {
    size = trees.size;
    for (const { partition, parents } of all) {
      const ids = [partition, ...parents];
      if (ids.some((id) => trees.has(id))) for (const id of ids) trees.add(id);
    }
  }
  return trees;
}
