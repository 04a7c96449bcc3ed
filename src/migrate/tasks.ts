import type { StageName } from '../engine/events.js';
import type { Task } from '../engine/queue.js';
import type { Relation } from '../inventory/relations.js';
import { type Plan, populatedViews } from '../plan/plan.js';
import { groupRelations } from '../plan/relation-groups.js';
import { definitionOf } from '../plan/schema-statements.js';
import type { Statement } from '../plan/statement.js';
import { quoteQualified } from '../postgres/quoting.js';
import { inGroups } from './in-groups.js';
import { addRowTasks } from './row-tasks.js';
import type { Standing } from './standing.js';
import { BEFORE_ALL_ROWS, TaskList } from './task-list.js';

/**
 * What the workers have to do, less what stands already.
 * @param jobs workers at a time, as far as is known: others may join
 */
export function makeTasks(
  plan: Plan,
  standing: Standing,
  jobs: number,
): { readonly tasks: readonly Task[]; readonly planned: Planned } {
  const list = new TaskList(plan, standing);
  const relations = addRowTasks(list, jobs);
  addConstraintTasks(list);
  addLargeObjectTasks(list);
  addStatisticsTasks(list);
  return { tasks: list.tasks, planned: plannedFrom(list.tasks, relations) };
}

/** How much the tasks are. */
export interface Planned {
  readonly tasks: ReadonlyMap<StageName, number>;
  /** To be copied. */
  readonly relations: number;
  /** To be copied, as they lie on the source's disk. */
  readonly bytes: number;
}

function plannedFrom(tasks: readonly Task[], relations: number): Planned {
  const counts = new Map<StageName, number>();
  for (const { stage } of tasks) counts.set(stage, (counts.get(stage) ?? 0) + 1);
  return { tasks: counts, relations, bytes: tasks.reduce((sum, { bytes }) => sum + bytes, 0) };
}

function addConstraintTasks(list: TaskList): void {
  const { plan, standing } = list;
  if (plan.options.content === 'rows') return;
  for (const entry of plan.schema.validations.filter(list.isLacking)) {
    list.addConstraint(list.statementOf(entry), []);
  }
  for (const { statement, tables } of foreignKeys(plan)) {
    if (standing.lacks(statement)) list.addConstraint(statement, tables);
  }
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

/** In one transaction. */
const LARGE_OBJECTS_AT_ONCE = 50;

function addLargeObjectTasks(list: TaskList): void {
  const { plan, standing } = list;
  const objects = plan.source.largeObjects
    .filter(({ oid }) => !standing.hasLargeObject(oid))
    .map(({ oid }) => ({ oid, fingerprint: standing.largeObjectFingerprint(oid) }));
  for (const group of inGroups(objects, LARGE_OBJECTS_AT_ONCE)) {
    list.add({ stage: 'large objects', weight: 0, work: () => ({ kind: 'large objects', objects: group }) });
  }
}

function addStatisticsTasks(list: TaskList): void {
  const { plan } = list;
  const filled = plan.options.content === 'definitions' ? [] : plan.source.relations;
  // From 18 on, `ANALYZE` of a parent goes on to its children, which have tasks of their own.
  const only = plan.target.server.version >= 180_000;
  // Read through all that inherits from them: ten with 500 chunks each take as long as 2,000 chunks by themselves.
  for (const parent of filled.filter(isParent)) addAnalyze(list, [parent], { weight: BEFORE_ALL_ROWS, only });
  const others = filled.filter((relation) => !isParent(relation));
  for (const { relations, bytes } of groupRelations(others)) {
    addAnalyze(list, relations, { weight: bytes, only: false });
  }
  for (const { schema = '', tag: name } of populatedViews(plan)) {
    addAnalyze(list, [{ schema, name }], { weight: 0, only: false });
  }
}

function isParent({ kind }: Relation): boolean {
  return kind === 'hypertable' || kind === 'partitioned';
}

function addAnalyze(
  list: TaskList,
  relations: readonly { readonly schema: string; readonly name: string }[],
  { weight, only }: { readonly weight: number; readonly only: boolean },
): void {
  const names = () => relations.map(({ schema, name }) => ({ schema, name }));
  list.add({ stage: 'statistics', weight, work: () => ({ kind: 'analyze', relations: names(), only }) });
}
