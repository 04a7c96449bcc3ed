import type { Inventory } from '../inventory/inventory.js';
import type { Relation } from '../inventory/relations.js';
import type { QualifiedName } from '../inventory/sequences.js';
import type { LeftOut } from '../plan/left-out.js';
import type { TocEntry } from '../postgres/archive/toc-entry.js';
import { quoteQualified } from '../postgres/quoting.js';
import type { ArchivedRow } from './archived-rows.js';
import { type CatalogRows, hypertableName } from './catalog-rows.js';
import type { DumpRecord } from './dump-record.js';
import { findTable } from './find-table.js';
import { type SelectedEntries, selectEntries } from './select-entries.js';
import { qualifiedName, shownName } from './table-name.js';
import { refuseSharedPartitions, withParts } from './table-parts.js';

/** What is chosen of a dump. */
export interface SelectedTables {
  /** The names that were asked for, in one form and order: the same in every attempt. */
  readonly names: readonly string[];
  readonly entries: readonly TocEntry[];
  readonly record: DumpRecord;
  readonly catalog: ChosenCatalog;
  /** The continuous aggregates over chosen hypertables, each behind those that it reads. */
  readonly aggregates: readonly QualifiedName[];
}

/** What stays of TimescaleDB's catalog. */
export interface ChosenCatalog {
  /** The ids of hypertables, those that hold compressed rows included. */
  readonly hypertables: readonly string[];
  readonly relations: readonly QualifiedName[];
  /** The constraints that chosen hypertables, by id, do not have any more. */
  readonly leftOutConstraints: readonly { readonly hypertable: string; readonly name: string }[];
}

/**
 * Narrows a dump to some of its tables: their rows, their chunks, what belongs to them, and the definitions of what they
 * need.
 *
 * @param asked `table` or `schema.table`, as SQL reads them
 * @throws HyperferryError `USAGE` for what is no table of the dump, or a part of one
 */
export function selectTables(
  asked: readonly string[],
  { entries, record }: { readonly entries: readonly TocEntry[]; readonly record: DumpRecord },
  catalog: CatalogRows,
): SelectedTables {
  const { inventory } = record.side;
  const named = asked.map((text) => findTable(text, entries, record));
  const kept = withParts(named, entries, record, catalog);
  const relations = inventory.relations.filter(({ oid }) => kept.has(oid));
  refuseSharedPartitions(relations, kept, inventory);
  const hypertables = catalog('hypertable').filter((row) => isAmong(relations, hypertableName(row)));
  const ids = hypertables.flatMap(({ id }) => id ?? []);
  const selected = selectEntries(entries, inventory.definitions, {
    relations: kept,
    chunks: new Set(relations.filter(({ kind }) => kind === 'chunk').map(({ oid }) => oid)),
    functions: functionsOf(hypertables, ids, catalog),
    extensions: ids.length > 0 ? ['timescaledb'] : [],
  });
  const aggregates = aggregatesOf(ids, catalog);
  const narrowed = narrowInventory(inventory, kept, relations, selected);
  return {
    names: [...new Set(named.map(quoteQualified))].sort(),
    entries: [...selected.entries, ...rowsOf(entries, relations, narrowed)],
    record: {
      ...record,
      leftOut: [...aggregates.map(aggregateLeftOut), ...selected.leftOut],
      features: {
        ...record.features,
        compressedHypertables: record.features.compressedHypertables.filter((name) =>
          isAmong(relations, qualifiedName(name)),
        ),
        continuousAggregates: [],
        partialAggregates: [],
        realTimeAggregates: [],
        policies: policiesOf(ids, catalog, record),
      },
      side: {
        ...record.side,
        inventory: narrowed,
        chunksOfCompressed: new Map([...record.side.chunksOfCompressed].filter(([oid]) => kept.has(oid))),
        objects: undefined,
        notCompared: [...record.side.notCompared, NOT_COMPARED],
      },
    },
    catalog: {
      hypertables: ids,
      relations: relations.map(({ schema, name }) => ({ schema, name })),
      leftOutConstraints: leftOutConstraints(selected, inventory, hypertables),
    },
    aggregates,
  };
}

const NOT_COMPARED: LeftOut = {
  object: "definitions, sequences, and TimescaleDB's catalog",
  reason: 'only some tables were restored (--only); their rows are compared',
};

/** The catalog names functions that the user may have made; nothing else says that they are needed. */
function functionsOf(
  hypertables: readonly ArchivedRow[],
  ids: readonly string[],
  catalog: CatalogRows,
): QualifiedName[] {
  const dimensions = catalog('dimension').filter(({ hypertable_id: id = '' }) => ids.includes(id));
  const named = (schema: string | undefined, name: string | undefined): QualifiedName[] =>
    schema && name ? [{ schema, name }] : [];
  return [
    ...hypertables.flatMap((row) => named(row.chunk_sizing_func_schema, row.chunk_sizing_func_name)),
    ...dimensions.flatMap((row) => named(row.partitioning_func_schema, row.partitioning_func)),
    ...dimensions.flatMap((row) => named(row.integer_now_func_schema, row.integer_now_func)),
  ];
}

function narrowInventory(
  inventory: Inventory,
  kept: ReadonlySet<number>,
  relations: readonly Relation[],
  { entries }: SelectedEntries,
): Inventory {
  const sequences = new Set(
    entries
      .filter(({ kind }) => kind === 'SEQUENCE')
      .map(({ schema = '', tag: name }) => quoteQualified({ schema, name })),
  );
  const needed = new Set(entries.filter(({ kind }) => kind === 'EXTENSION').map(({ tag }) => tag));
  for (const { name, requires } of inventory.extensions.toReversed()) {
    if (needed.has(name)) for (const other of requires) needed.add(other);
  }
  return {
    ...inventory,
    timescale: needed.has('timescaledb') ? inventory.timescale : undefined,
    extensions: inventory.extensions.filter(({ name }) => needed.has(name)),
    relations,
    definitions: {
      ...inventory.definitions,
      invalidIndexes: inventory.definitions.invalidIndexes.filter(({ table }) => kept.has(table)),
      disabledKeys: inventory.definitions.disabledKeys.filter(({ table }) => kept.has(table)),
    },
    sequences: inventory.sequences.filter((sequence) => sequences.has(quoteQualified(sequence))),
    largeObjects: [],
    populatedViews: new Set(),
    missingValues: inventory.missingValues.filter(({ chunk }) => kept.has(chunk)),
    ownJobs: [],
  };
}

/** The entries of rows: of chosen relations, and of the extensions that come. */
function rowsOf(
  entries: readonly TocEntry[],
  relations: readonly Relation[],
  { extensions }: Inventory,
): TocEntry[] {
  const names = new Set(
    [...relations, ...extensions.flatMap(({ configuration }) => configuration)].map(quoteQualified),
  );
  return entries.filter(
    ({ kind, schema = '', tag: name }) =>
      kind === 'TABLE DATA' && names.has(quoteQualified({ schema, name })),
  );
}

function policiesOf(ids: readonly string[], catalog: CatalogRows, { features }: DumpRecord): string[] {
  const kept = catalog('bgw_job').filter(({ hypertable_id: id = '' }) => ids.includes(id));
  return features.policies.filter((policy) => kept.some(({ id }) => policy.startsWith(`job ${id} `)));
}

/** Continuous aggregates that read chosen hypertables, themselves or through others. */
function aggregatesOf(ids: readonly string[], catalog: CatalogRows): QualifiedName[] {
  const read = catalog('continuous_agg').filter(({ raw_hypertable_id: id = '' }) => ids.includes(id));
  if (read.length === 0) return [];
  const names = read.map(({ user_view_schema: schema = '', user_view_name: name = '' }) => ({
    schema,
    name,
  }));
  const filled = read.flatMap(({ mat_hypertable_id: id }) => id ?? []);
  return [...names, ...aggregatesOf(filled, catalog)];
}

function aggregateLeftOut(aggregate: QualifiedName): LeftOut {
  return {
    object: `continuous aggregate ${shownName(aggregate)}`,
    reason: 'only tables and hypertables can be chosen (--only), and what belongs to them',
  };
}

function leftOutConstraints(
  { foreignKeys }: SelectedEntries,
  { relations, definitions }: Inventory,
  hypertables: readonly ArchivedRow[],
): ChosenCatalog['leftOutConstraints'] {
  const tables = new Map(relations.map((relation) => [relation.oid, relation]));
  return foreignKeys.flatMap(({ oid, tag }) => {
    const table = tables.get(definitions.foreignKeys.get(oid)?.table ?? 0);
    const row =
      table && hypertables.find((one) => quoteQualified(hypertableName(one)) === quoteQualified(table));
    return table && row?.id ? [{ hypertable: row.id, name: tag.slice(table.name.length + 1) }] : [];
  });
}

function isAmong(relations: readonly Relation[], name: QualifiedName | undefined): boolean {
  return name !== undefined && relations.some((one) => one.schema === name.schema && one.name === name.name);
}
