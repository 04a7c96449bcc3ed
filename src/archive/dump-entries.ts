import type { ConfigurationRelation, Extension } from '../inventory/extensions.js';
import type { Inventory } from '../inventory/inventory.js';
import type { LargeObject } from '../inventory/large-objects.js';
import type { Relation } from '../inventory/relations.js';
import type { SequenceValue } from '../inventory/sequences.js';
import { CATALOGS, DumpIds } from '../plan/dump-ids.js';
import { grantStatements } from '../plan/grant-statements.js';
import { setSequence } from '../plan/set-sequence.js';
import { madeEntry, type TocEntry } from '../postgres/archive/toc-entry.js';
import { quoteIdentifier, quoteLiteral, quoteQualified } from '../postgres/quoting.js';

/** A table whose rows are dumped, and the entry that they belong to. */
export interface DumpedTable {
  readonly entry: TocEntry;
  readonly oid: number;
  /** Of the heap and of its TOAST table; the tables of extensions are small. */
  readonly bytes: number;
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly string[];
  /** Of the user's; the others are extensions'. */
  readonly relation: Relation | undefined;
  readonly configuration: ConfigurationRelation | undefined;
}

/** What a dump holds, in the order of its table of contents. */
export interface DumpContents {
  readonly tables: readonly DumpedTable[];
  readonly entries: readonly TocEntry[];
}

/**
 * Adds the data to definitions, as `pg_dump` would: rows of extensions' tables, rows, the values of sequences, large
 * objects, and the commands that fill materialized views.
 * Source: PostgreSQL's src/bin/pg_dump/pg_dump.c, dumpTableData() and dumpSequenceData().
 *
 * @param definitions in the order of `pg_dump`, those of plain chunks behind the others
 */
export function dumpContents(
  definitions: readonly TocEntry[],
  source: Inventory,
  sequenceValues: readonly SequenceValue[],
): DumpContents {
  const ids = new DumpIds(definitions);
  const configuration = configurationTables(source.extensions, definitions, ids);
  const tables = [...configuration, ...source.relations.flatMap((relation) => rowsOf(relation, ids))];
  const largeObjects = source.largeObjects.length > 0 ? [largeObjectsEntry(source.largeObjects, ids)] : [];
  const { before, after } = aroundData(definitions);
  return {
    tables,
    entries: [
      ...before,
      ...source.largeObjects.flatMap((object) => largeObjectEntries(object, ids)),
      ...tables.map(({ entry }) => entry),
      ...sequenceValues.map((value) => sequenceEntry(value, ids)),
      ...largeObjects,
      ...after,
      ...viewEntries(definitions, source, ids),
    ],
  };
}

function tableDataEntry(
  table: {
    readonly oid: number;
    readonly schema: string;
    readonly name: string;
    readonly owner?: string | undefined;
  },
  into: { readonly schema: string; readonly name: string },
  columns: readonly string[],
  dumpId: number,
  dependencies: readonly number[],
): TocEntry {
  const list = columns.length === 0 ? '' : ` (${columns.map(quoteIdentifier).join(', ')})`;
  return madeEntry({
    dumpId,
    oid: table.oid,
    tag: table.name,
    kind: 'TABLE DATA',
    section: 'data',
    copyStatement: `COPY ${quoteQualified(into)}${list} FROM stdin;\n`,
    schema: table.schema,
    owner: table.owner,
    dependencies,
    hasData: true,
    data: { at: 'file', name: `${dumpId}.dat` },
  });
}

function rowsOf(relation: Relation, ids: DumpIds): DumpedTable[] {
  if (relation.kind === 'partitioned') return [];
  const { oid, schema, name } = relation;
  const columns = relation.columns.map((column) => column.name);
  const made = ids.entry(CATALOGS.relations, oid);
  const through = relation.loadThrough && ids.named(relation.loadThrough);
  const dependencies = [made, through].flatMap((one) => (one ? [one.dumpId] : []));
  const into = relation.loadThrough ?? relation;
  return [
    {
      entry: tableDataEntry(
        { oid, schema, name, owner: made?.owner },
        into,
        columns,
        ids.next(),
        dependencies,
      ),
      oid,
      bytes: relation.bytes,
      schema,
      name,
      columns,
      relation,
      configuration: undefined,
    },
  ];
}

/** In the order of their foreign keys. */
function configurationTables(
  extensions: readonly Extension[],
  definitions: readonly TocEntry[],
  ids: DumpIds,
): DumpedTable[] {
  const made = new Map(
    definitions.filter(({ kind }) => kind === 'EXTENSION').map(({ tag, dumpId }) => [tag, dumpId]),
  );
  return extensions.flatMap((extension) => {
    let before = made.get(extension.name);
    return extension.configuration
      .filter(({ kind }) => kind === 'table')
      .map((configuration): DumpedTable => {
        const { oid, schema, name, columns } = configuration;
        const dumpId = ids.next();
        // Each after the one before: a chain holds for whoever restores in parallel.
        const dependencies = before === undefined ? [] : [before];
        before = dumpId;
        return {
          entry: tableDataEntry({ oid, schema, name }, configuration, columns, dumpId, dependencies),
          oid,
          bytes: 0,
          schema,
          name,
          columns,
          relation: undefined,
          configuration,
        };
      });
  });
}

function sequenceEntry(value: SequenceValue, ids: DumpIds): TocEntry {
  const made = ids.named(value);
  return madeEntry({
    dumpId: ids.next(),
    oid: made?.oid ?? 0,
    tag: value.name,
    kind: 'SEQUENCE SET',
    section: 'data',
    definition: `${setSequence(value)};\n\n\n`,
    schema: value.schema,
    owner: made?.owner,
    dependencies: made ? [made.dumpId] : [],
  });
}

/** One by one, as `pg_dump` before PostgreSQL 17 has them: every `pg_restore` reads these. */
function largeObjectEntries(object: LargeObject, ids: DumpIds): TocEntry[] {
  const tag = String(object.oid);
  const dumpId = ids.next();
  const name = `LARGE OBJECT ${tag}`;
  const of = { section: 'none', owner: object.owner, dependencies: [dumpId] } as const;
  return [
    madeEntry({
      dumpId,
      catalog: CATALOGS.largeObjects,
      oid: object.oid,
      tag,
      kind: 'BLOB',
      section: 'pre-data',
      definition: `SELECT pg_catalog.lo_create('${tag}');\n`,
      dropStatement: `SELECT pg_catalog.lo_unlink('${tag}');\n`,
      owner: object.owner,
    }),
    ...(object.comment === null
      ? []
      : [
          madeEntry({
            ...of,
            dumpId: ids.next(),
            tag: name,
            kind: 'COMMENT',
            definition: `COMMENT ON ${name} IS ${quoteLiteral(object.comment)};\n`,
          }),
        ]),
    ...(object.grants.length === 0
      ? []
      : [
          madeEntry({
            ...of,
            dumpId: ids.next(),
            tag: name,
            kind: 'ACL',
            definition: grantStatements(name, object.grants)
              .map(({ sql }) => `${sql}\n`)
              .join(''),
          }),
        ]),
  ];
}

function largeObjectsEntry(objects: readonly LargeObject[], ids: DumpIds): TocEntry {
  return madeEntry({
    dumpId: ids.next(),
    tag: 'BLOBS',
    kind: 'BLOBS',
    section: 'data',
    owner: objects[0]?.owner,
    hasData: true,
    data: { at: 'file', name: 'blobs.toc' },
  });
}

/** `pg_dump` has them in the order in which they read each other. */
function viewEntries(definitions: readonly TocEntry[], source: Inventory, ids: DumpIds): TocEntry[] {
  return definitions
    .filter(({ kind, oid }) => kind === 'MATERIALIZED VIEW' && source.populatedViews.has(oid))
    .map((view) =>
      madeEntry({
        dumpId: ids.next(),
        oid: view.oid,
        tag: view.tag,
        kind: 'MATERIALIZED VIEW DATA',
        section: 'post-data',
        definition: `REFRESH MATERIALIZED VIEW ${quoteQualified({ schema: view.schema ?? '', name: view.tag })};\n`,
        schema: view.schema,
        owner: view.owner,
        dependencies: [view.dumpId],
      }),
    );
}

/** Serial restores go by this order: an entry without a section, as a comment, stays behind what it is about. */
function aroundData(definitions: readonly TocEntry[]): { before: TocEntry[]; after: TocEntry[] } {
  const first = definitions.findIndex(({ section }) => section === 'post-data');
  const [before, after] =
    first === -1 ? [definitions, []] : [definitions.slice(0, first), definitions.slice(first)];
  return {
    before: [...before, ...after.filter(({ section }) => section === 'pre-data')],
    after: after.filter(({ section }) => section !== 'pre-data'),
  };
}
