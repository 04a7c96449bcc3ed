import { isNoMember } from '../postgres/extension-member.js';
import type { Session } from '../postgres/session.js';
import { readChunksOfCompressed } from '../timescale/hypertables.js';
import { readHypertables, type Timescale } from '../timescale/timescale.js';
import { type HashedColumns, markForeignFilters } from './foreign-filters.js';
import { readTypes } from './types.js';

export interface Column {
  readonly name: string;
  readonly isCompressedData: boolean;
  /** Whether the binary form of its values holds OIDs. */
  readonly holdsOids: boolean;
  /**
   * The hypertable, where the column is a filter over hashes of OIDs, by which TimescaleDB passes over batches of compressed
   * rows: on another server it would hide rows, so that NULL is stored in its place, which hides none.
   */
  readonly foreignFilterOf?: { readonly schema: string; readonly name: string };
}

/** A relation that holds rows of its own: a table, a chunk, a partition. */
export interface Relation {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly kind: 'table' | 'hypertable' | 'chunk' | 'partitioned';
  /** The hypertable of a chunk. */
  readonly parent: number | undefined;
  /** `relfilenode` as the snapshot sees it: another one later means that the rows were rewritten. */
  readonly fileNode: number;
  /** Bytes of the heap and of its TOAST table. */
  readonly bytes: number;
  /** Pages of the heap. */
  readonly pages: number;
  /** Columns whose values are copied: the generated ones are computed again. */
  readonly columns: readonly Column[];
  /** How the values travel. Binary where each type's binary form means the same on the other side. */
  readonly format: 'binary' | 'text';
  /**
   * The partitioned table that takes the rows instead of the partition, where the partition of a row is not the same
   * on another server, such as by the hash of an enum, which is that of its label's OID.
   */
  readonly loadThrough: { readonly schema: string; readonly name: string } | undefined;
  /** The rows in a dump: the dump id of the entry that they belong to. A database has none. */
  readonly dumpId?: number;
}

type Layout = Pick<Relation, 'columns' | 'format'>;

const READ_RELATIONS = `
SELECT c.oid::int8 AS oid, n.nspname AS schema, c.relname AS name, c.relkind AS kind,
       c.relfilenode::int8 AS "fileNode", i.inhparent::int8 AS parent,
       size.heap / pg_catalog.current_setting('block_size')::int AS pages, size.heap + size.toast AS bytes
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_inherits i ON i.inhrelid = c.oid AND i.inhseqno = 1
CROSS JOIN LATERAL (
  -- Each asks the file system; OFFSET 0 keeps them from being asked for again wherever they are named.
  SELECT COALESCE(pg_catalog.pg_relation_size(c.oid), 0) AS heap,
         COALESCE(pg_catalog.pg_relation_size(NULLIF(c.reltoastrelid, 0)), 0) AS toast
  OFFSET 0
) AS size
WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', '_hyperferry') AND n.nspname NOT LIKE 'pg\\_toast%'
  AND ${isNoMember('pg_class', 'c.oid')}`;

/** One row a relation, not one a column: 5,000 chunks of 11 columns come in 5,000 short rows. */
const READ_COLUMNS = `
SELECT a.attrelid::int8 AS relation,
       pg_catalog.json_agg(pg_catalog.json_build_array(a.attname, a.atttypid::int8) ORDER BY a.attnum)::text AS columns
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
WHERE a.attrelid >= 16384 AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
GROUP BY a.attrelid`;

/** The types that the hash is of; of expressions they are not known. */
const READ_PARTITIONS_BY_HASH = `
SELECT c.oid::int8 AS oid, n.nspname AS schema, r.relname AS name, pg_catalog.bool_or(p.partexprs IS NOT NULL) AS "hasExpressions",
       pg_catalog.array_agg(a.atttypid::text) AS types
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_class r ON r.oid = pg_catalog.pg_partition_root(c.oid)
JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace
CROSS JOIN LATERAL pg_catalog.pg_partition_ancestors(c.oid) AS ancestor (oid)
JOIN pg_catalog.pg_partitioned_table p ON p.partrelid = ancestor.oid AND p.partstrat = 'h'
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = ANY (p.partattrs::int2[])
WHERE c.relispartition AND c.relkind = 'r'
GROUP BY 1, 2, 3`;

interface HashPartition extends Record<string, unknown> {
  readonly oid: string;
  readonly schema: string;
  readonly name: string;
  readonly hasExpressions: boolean;
  readonly types: readonly (string | null)[];
}

/** Reads the relations in a handful of queries, whatever their number. */
export async function readRelations(
  session: Session,
  serverVersion: number,
  timescale: Timescale | undefined,
): Promise<Relation[]> {
  const [types, hypertables, partitions] = await Promise.all([
    readTypes(session, serverVersion),
    timescale ? readHypertables(session) : new Set<number>(),
    session.query<HashPartition>(READ_PARTITIONS_BY_HASH),
  ]);
  const loadThrough = new Map(
    partitions
      .filter(
        (partition) =>
          partition.hasExpressions || partition.types.some((oid) => types.hashesOids(Number(oid))),
      )
      .map(({ oid, schema, name }) => [Number(oid), { schema, name }]),
  );

  // Chunks have the columns of their hypertable: each distinct list is made once.
  const layouts = new Map<string, Layout>();
  const hashed = new Map<readonly Column[], HashedColumns>();
  const layoutOf = (columnsText: string): Layout => {
    const known = layouts.get(columnsText);
    if (known) return known;
    const columns = JSON.parse(columnsText) as [string, number][];
    const layout: Layout = {
      columns: columns.map(([name, type]) => ({
        name,
        isCompressedData: types.isCompressedData(type),
        holdsOids: types.holdsOids(type),
      })),
      format: columns.every(([, type]) => types.isBinarySafe(type)) ? 'binary' : 'text',
    };
    layouts.set(columnsText, layout);
    hashed.set(layout.columns, {
      filters: new Set(columns.flatMap(([name, type]) => (types.isBloomFilter(type) ? name : []))),
      hashingOids: new Set(columns.flatMap(([name, type]) => (types.hashesOids(type) ? name : []))),
    });
    return layout;
  };
  const layoutsOf = new Map<number, Layout>();
  await session.each<{ relation: string; columns: string }>(READ_COLUMNS, ({ relation, columns }) =>
    layoutsOf.set(Number(relation), layoutOf(columns)),
  );

  type RelationRow = Record<'oid' | 'schema' | 'name' | 'kind' | 'fileNode' | 'bytes' | 'pages', string> & {
    parent: string | null;
  };
  const relations: Relation[] = [];
  await session.each<RelationRow>(READ_RELATIONS, (row) => {
    const oid = Number(row.oid);
    const parent = row.parent === null ? undefined : Number(row.parent);
    const layout = layoutsOf.get(oid) ?? layoutOf('[]');
    const isChild = parent !== undefined && hypertables.has(parent);
    // The relation that holds a chunk's compressed rows has no parent in newer versions.
    const isChunk =
      isChild || (!hypertables.has(oid) && layout.columns.some((column) => column.isCompressedData));
    relations.push({
      oid,
      schema: row.schema,
      name: row.name,
      kind: kindOf(row.kind, hypertables.has(oid), isChunk),
      parent: isChild ? parent : undefined,
      fileNode: Number(row.fileNode),
      bytes: Number(row.bytes),
      pages: Number(row.pages),
      ...layout,
      loadThrough: loadThrough.get(oid),
    });
  });
  const hasFilters = [...hashed.values()].some(({ filters }) => filters.size > 0);
  return hasFilters
    ? markForeignFilters(relations, hashed, await readChunksOfCompressed(session))
    : relations;
}

function kindOf(relkind: string, isHypertable: boolean, isChunk: boolean): Relation['kind'] {
  if (relkind === 'p') return 'partitioned';
  if (isHypertable) return 'hypertable';
  return isChunk ? 'chunk' : 'table';
}
