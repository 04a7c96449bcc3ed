import type { Relation } from '../inventory/relations.js';
import type { Plan } from '../plan/plan.js';
import { groupRelations, type RelationGroup } from '../plan/relation-groups.js';
import { LARGE_BYTES, partsOf } from '../plan/relation-parts.js';
import type { Statement } from '../plan/statement.js';
import { throughIndex } from '../plan/unique-constraints.js';
import type { CopiedRelation, CopyWork, Layout } from '../plan/work.js';
import type { TocEntry } from '../postgres/archive/archive-toc.js';
import { inGroups } from './in-groups.js';
import type { Standing } from './standing.js';
import type { TaskList } from './task-list.js';

/**
 * In one transaction, which holds four locks for each. Batches of 20 take as long as batches of 100 (0.5 ms a table, PostgreSQL
 * 17). Event triggers off, `session_replication_role = replica` and `synchronous_commit = off` gain nothing (0.53 to 0.7 ms); a
 * table, its rows and its two indexes in one transaction cost more (2.0 ms) than in one each (1.5 ms), since each change of the
 * catalogs makes the session read the hypertable's definition anew.
 */
const CHUNKS_AT_ONCE = 100;

/**
 * Chunks, rows, and the indexes behind them.
 * @returns how many relations are to be copied
 */
export function addRowTasks(list: TaskList, jobs: number): number {
  const { plan, standing } = list;
  const { content } = plan.options;
  const holding = plan.source.relations.filter(({ kind }) => kind !== 'partitioned');
  const waiting = new Map(
    holding.filter((relation) => !standing.hasRows(relation)).map((relation) => [relation.oid, relation]),
  );
  const planned = content === 'definitions' ? 0 : waiting.size;
  const share = [...waiting.values()].reduce((sum, { bytes }) => sum + bytes, 0) / jobs;

  // A chunk's table locks its hypertable until the commit: of one hypertable, one batch after the other.
  const lastOf = new Map<number, number>();
  for (const { parent, tables } of content === 'rows' ? [] : chunkBatches(plan, list.isLacking)) {
    const last = parent === undefined ? undefined : lastOf.get(parent);
    const statements = () => tables.flatMap(({ entries }) => entries.map(list.statementOf));
    const made = list.addDefinitions(statements, last === undefined ? [] : [last]);
    if (parent !== undefined) lastOf.set(parent, made);
    const chunks = tables.flatMap(({ oid }) => waiting.get(oid) ?? []);
    for (const { oid } of chunks) waiting.delete(oid);
    addCopies(list, chunks, { share, after: [made] });
  }
  addCopies(list, [...waiting.values()], { share, after: [] });
  const copied = holding.filter((relation) => standing.hasRows(relation));
  for (const { relations } of groupRelations(copied)) addIndexes(list, relations, []);
  return planned;
}

function addCopies(
  list: TaskList,
  relations: readonly Relation[],
  { share, after }: { readonly share: number; readonly after: readonly number[] },
): void {
  const { plan, standing } = list;
  for (const group of groupRelations(relations)) {
    const parts = plan.options.content === 'definitions' ? [] : copiesOf(group, { plan, standing, share });
    const copies = parts.map(({ work, bytes }) =>
      list.add({ stage: 'rows and indexes', weight: bytes, bytes, work, after }),
    );
    addIndexes(list, group.relations, copies.length > 0 ? copies : after);
  }
}

function addIndexes(list: TaskList, relations: readonly Relation[], after: readonly number[]): void {
  const { options, schema } = list.plan;
  if (options.content === 'rows') return;
  const entries = relations.flatMap(({ oid }) => schema.indexes.get(oid) ?? []).filter(list.isLacking);
  const isLarge = relations.some(({ bytes }) => bytes >= LARGE_BYTES);
  if (entries.length > 1 && isLarge) addBesideEachOther(list, entries.map(list.statementOf), after);
  else if (entries.length > 0) list.addDefinitions(() => entries.map(list.statementOf), after);
}

/** Indexes of one table, each by a worker; and constraints that take them, which lock the table. */
function addBesideEachOther(
  list: TaskList,
  statements: readonly Statement[],
  after: readonly number[],
): void {
  const steps = statements.map((statement) => throughIndex(statement) ?? { index: statement });
  const indexes = steps.map(({ index }) => list.addDefinitions(() => [index], after));
  const constraints = steps.flatMap((step) => ('constraint' in step ? step.constraint : []));
  if (constraints.length > 0) list.addDefinitions(() => constraints, indexes);
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
