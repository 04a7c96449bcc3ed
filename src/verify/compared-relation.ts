import type { Inventory } from '../inventory/inventory.js';
import type { Relation } from '../inventory/relations.js';
import { quoteQualified } from '../postgres/quoting.js';
import { type ColumnsByRelation, type ComparedColumn, commonColumns } from './columns.js';

/** A relation as one side has it. */
export interface ReadRelation {
  readonly oid: number;
  /** What follows FROM: the relation's own rows, or those of all its partitions. */
  readonly from: string;
  readonly columns: readonly ComparedColumn[];
  readonly bytes: number;
  /** Those whose files are read. */
  readonly relations: readonly Relation[];
}

/** A relation that both sides have. */
export interface ComparedRelation {
  /** Its qualified name, by `nameOf`. */
  readonly name: string;
  readonly kind: Relation['kind'];
  readonly source: ReadRelation;
  readonly target: ReadRelation;
}

export interface RelationPairs {
  readonly both: readonly ComparedRelation[];
  readonly onlySource: readonly Relation[];
  readonly onlyTarget: readonly Relation[];
}

/** @param isMeant which relations are compared, by their own side's inventory */
export function pairRelations(
  source: Inventory,
  target: Inventory,
  columns: { readonly source: ColumnsByRelation; readonly target: ColumnsByRelation },
  isMeant: (relation: Relation, inventory: Inventory) => boolean,
): RelationPairs {
  const left = readable(source.relations.filter((relation) => isMeant(relation, source)));
  const right = readable(target.relations.filter((relation) => isMeant(relation, target)));
  const roots = new Set(
    [...left.values(), ...right.values()].flatMap(({ loadThrough }) =>
      loadThrough ? [nameOf(loadThrough)] : [],
    ),
  );
  const commonOf = commonOncePerList(columns);
  const both: ComparedRelation[] = [];
  for (const [name, relation] of left) {
    const other = right.get(name);
    if (!other || isUnder(relation, roots) || isUnder(other, roots)) continue;
    const common = commonOf(relation, other);
    both.push({
      name,
      kind: relation.kind,
      source: ownRows(relation, common.source),
      target: ownRows(other, common.target),
    });
  }
  for (const name of roots) {
    const pair = [rootOf(name, source), rootOf(name, target)];
    if (!pair[0] || !pair[1]) continue;
    const common = commonOf(pair[0], pair[1]);
    both.push({
      name,
      kind: 'partitioned',
      source: allRows(pair[0], left, common.source),
      target: allRows(pair[1], right, common.target),
    });
  }
  const missingIn = (there: ReadonlyMap<string, Relation>) => (relation: Relation) =>
    !there.has(nameOf(relation)) && !isUnder(relation, roots);
  return {
    both,
    onlySource: [...left.values()].filter(missingIn(right)),
    onlyTarget: [...right.values()].filter(missingIn(left)),
  };
}

/** For people, and for both sides the key of a relation: `a.b`, and with quotes only where dots would make two names one. */
export function nameOf({ schema, name }: { readonly schema: string; readonly name: string }): string {
  return `${partOf(schema)}.${partOf(name)}`;
}

function partOf(identifier: string): string {
  return /[."]/.test(identifier) ? `"${identifier.replaceAll('"', '""')}"` : identifier;
}

type CommonColumns = ReturnType<typeof commonColumns>;

/** Chunks share the list of their hypertable, and so what two lists have in common. */
function commonOncePerList({
  source,
  target,
}: Parameters<typeof pairRelations>[2]): (left: Relation, right: Relation) => CommonColumns {
  const known = new Map<readonly ComparedColumn[], Map<readonly ComparedColumn[], CommonColumns>>();
  return (left, right) => {
    const [here, there] = [source.get(left.oid) ?? [], target.get(right.oid) ?? []];
    const ofHere = known.get(here) ?? new Map<readonly ComparedColumn[], CommonColumns>();
    known.set(here, ofHere);
    const common = ofHere.get(there) ?? commonColumns(here, there);
    ofHere.set(there, common);
    return common;
  };
}

/** Relations that hold rows, by name. */
function readable(relations: readonly Relation[]): Map<string, Relation> {
  return new Map(
    relations.filter(({ kind }) => kind !== 'partitioned').map((relation) => [nameOf(relation), relation]),
  );
}

/**
 * Whether a relation's rows are compared at the root of its partitions: a partition by the hash of an enum takes other
 * rows on another server.
 */
function isUnder({ loadThrough }: Relation, roots: ReadonlySet<string>): boolean {
  return loadThrough !== undefined && roots.has(nameOf(loadThrough));
}

function rootOf(name: string, { relations }: Inventory): Relation | undefined {
  return relations.find((relation) => relation.kind === 'partitioned' && nameOf(relation) === name);
}

/** `ONLY` also keeps TimescaleDB from decompressing: what the relation stores is what is read. */
function ownRows(relation: Relation, columns: readonly ComparedColumn[]): ReadRelation {
  return {
    oid: relation.oid,
    from: `ONLY ${quoteQualified(relation)} AS hf_row`,
    columns,
    bytes: relation.bytes,
    relations: [relation],
  };
}

function allRows(
  root: Relation,
  relations: ReadonlyMap<string, Relation>,
  columns: readonly ComparedColumn[],
): ReadRelation {
  const leaves = [...relations.values()].filter(
    ({ loadThrough }) => loadThrough && nameOf(loadThrough) === nameOf(root),
  );
  return {
    oid: root.oid,
    from: `${quoteQualified(root)} AS hf_row`,
    columns,
    bytes: leaves.reduce((sum, { bytes }) => sum + bytes, 0),
    relations: leaves,
  };
}
