import type { StageName } from '../engine/events.js';
import type { Task } from '../engine/queue.js';
import type { Relation } from '../inventory/relations.js';
import { type Plan, populatedViews } from '../plan/plan.js';
import { groupRelations, type RelationGroup } from '../plan/relation-groups.js';
import { LARGE_BYTES, partsOf } from '../plan/relation-parts.js';
import { definitionOf } from '../plan/schema-statements.js';
import type { Statement } from '../plan/statement.js';
import { throughIndex } from '../plan/unique-constraints.js';
import type { CopiedRelation, CopyWork, Layout } from '../plan/work.js';
import type { TocEntry } from '../postgres/archive/archive-toc.js';
import { quoteQualified } from '../postgres/quoting.js';
import type { Standing } from './standing.js';

/** The heaviest. An index is begun before further rows are: its table's rows are still in memory. */
const BEFORE_ALL_ROWS = Number.MAX_VALUE;

/** In one transaction. */
const LARGE_OBJECTS_AT_ONCE = 50;

/**
 * In one transaction, which holds four locks for each. Batches of 20 take as long as batches of 100 (0.5 ms a table, PostgreSQL
 * 17). Event triggers off, `session_replication_role = replica` and `synchronous_commit = off` gain nothing (0.53 to 0.7 ms); a
 * table, its rows and its two indexes in one transaction cost more (2.0 ms) than in one each (1.5 ms), since each change of the
 * catalogs makes the session read the hypertable's definition anew.
 */
const CHUNKS_AT_ONCE = 100;

/**
 * What the workers have to do, less what stands already.
 * @param jobs workers at a time, as far as is known: others may join
 */
export function makeTasks(
  plan: Plan,
  standing: Standing,
  jobs: number,
): { readonly tasks: readonly Task[]; readonly planned: Planned } {
  const tasks: Task[] = [];
  const add = (task: Pick<Task, 'stage' | 'weight' | 'work'> & Partial<Task>): number => {
    const id = tasks.length + 1;
    tasks.push({ after: [], bytes: 0, ...task, id });
    return id;
  };
  const make = (entry: TocEntry): Statement => definitionOf(entry, plan.tablespaces);
  const isLacking = (entry: TocEntry): boolean => standing.isEmpty || standing.lacks(make(entry));
  const addStatements = (statements: () => Statement[], after: readonly number[]): number =>
    add({
      stage: 'rows and indexes',
      weight: BEFORE_ALL_ROWS,
      work: () => ({ kind: 'statements', locks: [], statements: statements() }),
      after,
    });
  const { content } = plan.options;
  const addIndexes = (relations: readonly Relation[], after: readonly number[]): void => {
    if (content === 'rows') return;
    const entries = relations.flatMap(({ oid }) => plan.schema.indexes.get(oid) ?? []).filter(isLacking);
    const isLarge = relations.some(({ bytes }) => bytes >= LARGE_BYTES);
    if (entries.length > 1 && isLarge) addBesideEachOther(entries.map(make), after);
    else if (entries.length > 0) addStatements(() => entries.map(make), after);
  };
  /** Indexes of one table, each by a worker; and constraints that take them, which lock the table. */
  const addBesideEachOther = (statements: readonly Statement[], after: readonly number[]): void => {
    const steps = statements.map((statement) => throughIndex(statement) ?? { index: statement });
    const indexes = steps.map(({ index }) => addStatements(() => [index], after));
    const constraints = steps.flatMap((step) => ('constraint' in step ? step.constraint : []));
    if (constraints.length > 0) addStatements(() => constraints, indexes);
  };

  const holding = plan.source.relations.filter(({ kind }) => kind !== 'partitioned');
  const waiting = new Map(
    holding.filter((relation) => !standing.hasRows(relation)).map((relation) => [relation.oid, relation]),
  );
  const relations = content === 'definitions' ? 0 : waiting.size;
  const share = [...waiting.values()].reduce((sum, { bytes }) => sum + bytes, 0) / jobs;
  const addCopies = (relations: readonly Relation[], after: readonly number[]): void => {
    for (const group of groupRelations(relations)) {
      const parts = content === 'definitions' ? [] : copiesOf(group, { plan, standing, share });
      const copies = parts.map(({ work, bytes }) =>
        add({ stage: 'rows and indexes', weight: bytes, bytes, work, after }),
      );
      addIndexes(group.relations, copies.length > 0 ? copies : after);
    }
  };

  // A chunk's table locks its hypertable until the commit: of one hypertable, one batch after the other.
  const lastOf = new Map<number, number>();
  for (const { parent, tables } of content === 'rows' ? [] : chunkBatches(plan, isLacking)) {
    const last = parent === undefined ? undefined : lastOf.get(parent);
    const statements = () => tables.flatMap(({ entries }) => entries.map(make));
    const made = addStatements(statements, last === undefined ? [] : [last]);
    if (parent !== undefined) lastOf.set(parent, made);
    const chunks = tables.flatMap(({ oid }) => waiting.get(oid) ?? []);
    for (const { oid } of chunks) waiting.delete(oid);
    addCopies(chunks, [made]);
  }
  addCopies([...waiting.values()], []);
  const copied = holding.filter((relation) => standing.hasRows(relation));
  for (const { relations } of groupRelations(copied)) addIndexes(relations, []);

  for (const entry of content === 'rows' ? [] : plan.schema.validations.filter(isLacking)) {
    const work = { kind: 'statements', locks: [], statements: [make(entry)] } as const;
    add({ stage: 'constraints', weight: 0, work: () => work });
  }
  for (const key of content === 'rows' ? [] : foreignKeys(plan)) {
    if (!standing.lacks(key.statement)) continue;
    const work = { kind: 'statements', locks: key.tables, statements: [key.statement] } as const;
    add({ stage: 'constraints', weight: 0, work: () => work });
  }

  const objects = plan.source.largeObjects
    .filter(({ oid }) => !standing.hasLargeObject(oid))
    .map(({ oid }) => ({ oid, fingerprint: standing.largeObjectFingerprint(oid) }));
  for (const group of inGroups(objects, LARGE_OBJECTS_AT_ONCE)) {
    add({ stage: 'large objects', weight: 0, work: () => ({ kind: 'large objects', objects: group }) });
  }

  const analyze = (
    relations: readonly { schema: string; name: string }[],
    weight: number,
    only = false,
  ): void => {
    const names = () => relations.map(({ schema, name }) => ({ schema, name }));
    add({ stage: 'statistics', weight, work: () => ({ kind: 'analyze', relations: names(), only }) });
  };
  const filled = content === 'definitions' ? [] : plan.source.relations;
  // Read through all that inherits from them: ten with 500 chunks each take as long as 2,000 chunks by themselves.
  const isParent = ({ kind }: Relation): boolean => kind === 'hypertable' || kind === 'partitioned';
  // From 18 on, `ANALYZE` of a parent goes on to its children, which have tasks of their own.
  const only = plan.target.server.version >= 180_000;
  for (const parent of filled.filter(isParent)) analyze([parent], BEFORE_ALL_ROWS, only);
  const others = filled.filter((relation) => !isParent(relation));
  for (const { relations, bytes } of groupRelations(others)) analyze(relations, bytes);
  for (const { schema = '', tag } of populatedViews(plan)) analyze([{ schema, name: tag }], 0);
  return { tasks, planned: plannedFrom(tasks, relations) };
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

interface ChunkBatch {
  /** The hypertable; undefined for relations that hold compressed rows. */
  readonly parent: number | undefined;
  readonly tables: readonly { readonly oid: number; readonly entries: readonly TocEntry[] }[];
}

/** The tables of plain chunks that do not stand yet, in turn from each hypertable. */
function chunkBatches({ schema, source }: Plan, isLacking: (entry: TocEntry) => boolean): ChunkBatch[] {
  const parents = new Map(source.relations.map(({ oid, parent }) => [oid, parent]));
  const tables = new Map<number, TocEntry[]>();
  for (const entry of schema.chunks) {
    const oid = source.definitions.tableOf.get(entry.oid) ?? entry.oid;
    if (isLacking(entry)) tables.set(oid, [...(tables.get(oid) ?? []), entry]);
  }
  const byParent = new Map<number | undefined, ChunkBatch['tables'][number][]>();
  for (const [oid, entries] of tables) {
    const list = byParent.get(parents.get(oid)) ?? [];
    byParent.set(parents.get(oid), list);
    list.push({ oid, entries });
  }
  const batches = [...byParent].flatMap(([parent, list]) =>
    inGroups(list, CHUNKS_AT_ONCE).map((members, index) => ({ parent, tables: members, index })),
  );
  return batches.sort((a, b) => a.index - b.index);
}

interface Copying {
  readonly plan: Plan;
  readonly standing: Standing;
  /** The bytes that each worker has to copy, were they even. */
  readonly share: number;
}

/** The copy of a group; of a relation by itself that is more than a worker's share, a copy of each part. */
function copiesOf(
  { relations, bytes }: RelationGroup,
  { plan, standing, share }: Copying,
): { readonly work: () => CopyWork; readonly bytes: number }[] {
  const [relation] = relations;
  const parts =
    relations.length === 1 && relation ? partsOf(relation, share, plan.source.server.version) : [];
  if (relation && parts.length > 1) {
    const part = Math.ceil(bytes / parts.length);
    return parts.map((range, index) => ({
      work: () =>
        copyWork([
          {
            ...relation,
            bytes: part,
            range,
            fingerprint: standing.partFingerprint(relation, index, parts.length),
          },
        ]),
      bytes: part,
    }));
  }
  const whole = () => relations.map((each) => ({ ...each, fingerprint: standing.rowsFingerprint(each) }));
  return [{ work: () => copyWork(whole()), bytes }];
}

function copyWork(
  relations: readonly (Relation & Pick<CopiedRelation, 'range' | 'fingerprint'>)[],
): CopyWork {
  const layouts = new Map<string, { readonly layout: Layout; readonly index: number }>();
  const copied = relations.map((relation): CopiedRelation => {
    const { columns, format, parent: _, pages: __, ...rest } = relation;
    const key = JSON.stringify([columns, format]);
    const known = layouts.get(key) ?? { layout: { columns, format }, index: layouts.size };
    layouts.set(key, known);
    return { ...rest, layout: known.index };
  });
  return { kind: 'copy', layouts: [...layouts.values()].map(({ layout }) => layout), relations: copied };
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

function inGroups<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
