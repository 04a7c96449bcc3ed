import type { Task } from '../engine/queue.js';
import type { Relation } from '../inventory/relations.js';
import { type Plan, populatedViews } from '../plan/plan.js';
import { groupRelations } from '../plan/relation-groups.js';
import { definitionOf } from '../plan/schema-statements.js';
import type { Statement } from '../plan/statement.js';
import type { CopiedRelation, CopyWork, Layout } from '../plan/work.js';
import { quoteQualified } from '../postgres/quoting.js';
import type { Standing } from './standing.js';

/** An index is begun before further rows are: its table's rows are still in memory. */
const BEFORE_ALL_ROWS = Number.MAX_VALUE;

/** In one transaction. */
const LARGE_OBJECTS_AT_ONCE = 50;

/** What the workers have to do, less what stands already. */
export function makeTasks(plan: Plan, standing: Standing): Task[] {
  const tasks: Task[] = [];
  const add = (task: Pick<Task, 'stage' | 'weight' | 'work'> & Partial<Task>): number => {
    const id = tasks.length + 1;
    tasks.push({ after: undefined, bytes: 0, ...task, id });
    return id;
  };
  const addIndexes = (relations: readonly Relation[], after?: number): void => {
    const statements = relations.flatMap((relation) => indexesOf(relation, plan)).filter(standing.lacks);
    if (statements.length === 0) return;
    const work = { kind: 'statements', locks: [], statements } as const;
    add({ stage: 'rows and indexes', weight: BEFORE_ALL_ROWS, work, after });
  };

  const holding = plan.source.relations.filter(({ kind }) => kind !== 'partitioned');
  const copied = holding.filter((relation) => standing.hasRows(relation));
  for (const { relations, bytes } of groupRelations(
    holding.filter((relation) => !standing.hasRows(relation)),
  )) {
    const work = copyWork(relations, standing);
    addIndexes(relations, add({ stage: 'rows and indexes', weight: bytes, bytes, work }));
  }
  for (const { relations } of groupRelations(copied)) addIndexes(relations);

  for (const key of foreignKeys(plan)) {
    if (!standing.lacks(key.statement)) continue;
    const work = { kind: 'statements', locks: key.tables, statements: [key.statement] } as const;
    add({ stage: 'constraints', weight: 0, work });
  }

  const objects = plan.source.largeObjects
    .filter(({ oid }) => !standing.hasLargeObject(oid))
    .map(({ oid }) => ({ oid, fingerprint: standing.largeObjectFingerprint(oid) }));
  for (const group of inGroups(objects)) {
    add({ stage: 'large objects', weight: 0, work: { kind: 'large objects', objects: group } });
  }

  const analyze = (relations: readonly { schema: string; name: string }[], weight: number): void => {
    const names = relations.map(({ schema, name }) => ({ schema, name }));
    add({ stage: 'statistics', weight, work: { kind: 'analyze', relations: names } });
  };
  for (const { relations, bytes } of groupRelations(plan.source.relations)) analyze(relations, bytes);
  for (const { schema = '', tag } of populatedViews(plan)) analyze([{ schema, name: tag }], 0);
  return tasks;
}

function copyWork(relations: readonly Relation[], standing: Standing): CopyWork {
  const layouts = new Map<string, { readonly layout: Layout; readonly index: number }>();
  const copied = relations.map((relation): CopiedRelation => {
    const { columns, format, parent: _, ...rest } = relation;
    const key = JSON.stringify([columns, format]);
    const known = layouts.get(key) ?? { layout: { columns, format }, index: layouts.size };
    layouts.set(key, known);
    return { ...rest, layout: known.index, fingerprint: standing.rowsFingerprint(relation) };
  });
  return { kind: 'copy', layouts: [...layouts.values()].map(({ layout }) => layout), relations: copied };
}

function indexesOf({ oid }: Relation, { schema, tablespaces }: Plan): Statement[] {
  return (schema.indexes.get(oid) ?? []).map((entry) => definitionOf(entry, tablespaces));
}

/** A foreign key locks both its tables while it reads them. */
function foreignKeys({ schema, source, tablespaces }: Plan): { statement: Statement; tables: string[] }[] {
  const names = new Map(source.relations.map((relation) => [relation.oid, quoteQualified(relation)]));
  return schema.foreignKeys.map((entry) => {
    const key = source.definitions.foreignKeys.get(entry.oid);
    const tables = [key?.table, key?.references].map((oid) => names.get(oid ?? 0) ?? '');
    return {
      statement: definitionOf(entry, tablespaces),
      tables: [...new Set(tables)].filter((name) => name !== '').sort(),
    };
  });
}

function inGroups<T>(items: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(items.length / LARGE_OBJECTS_AT_ONCE) }, (_, index) =>
    items.slice(index * LARGE_OBJECTS_AT_ONCE, (index + 1) * LARGE_OBJECTS_AT_ONCE),
  );
}
