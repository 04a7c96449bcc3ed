import { columnOptions } from '../postgres/column-options.js';
import { HyperferryError } from '../postgres/error.js';
import type { Session } from '../postgres/session.js';
import { HYPERTABLES } from './timescale.js';

/** An object of a chunk, as SQL that makes it: the table, an index, a constraint or a trigger. */
export interface ChunkDefinition {
  /** As `pg_restore --list` names it. */
  readonly kind: 'TABLE' | 'INDEX' | 'CONSTRAINT' | 'TRIGGER' | 'FK CONSTRAINT';
  readonly oid: number;
  readonly name: string;
  /** The chunk. */
  readonly table: { readonly oid: number; readonly schema: string; readonly name: string };
  readonly sql: string;
  readonly owner: string;
  readonly tablespace: string | undefined;
  readonly accessMethod: string | undefined;
  /** A hypertable with the same owner and the same grants, where the table has any. */
  readonly grantsOf: number | undefined;
}

/** What an object of a chunk needs besides its table: the rows of both in the catalogs. */
export interface ChunkDependency {
  readonly catalog: number;
  readonly oid: number;
  readonly needsCatalog: number;
  readonly needs: number;
}

const CHUNK = `
WITH chunk AS MATERIALIZED (
  SELECT c.oid, c.relname, n.nspname, c.relowner, c.relacl, c.reloptions, c.reltablespace, c.relam, i.inhparent AS parent,
         pg_catalog.format('%I.%I', n.nspname, c.relname) AS name
  FROM pg_catalog.unnest($1::oid[]) AS given (oid)
  JOIN pg_catalog.pg_class c ON c.oid = given.oid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_inherits i ON i.inhrelid = c.oid
)`;

/** COLUMN_COMPRESSION stands for `pg_attribute.attcompression`, which PostgreSQL 14 and newer have. */
const READ_TABLES = `${CHUNK},
grants AS (
  SELECT h.relowner, h.relacl::text AS acl, pg_catalog.min(h.oid::int8) AS oid
  FROM (${HYPERTABLES}) AS h
  WHERE h.relacl IS NOT NULL
  GROUP BY 1, 2
), checks AS (
  SELECT k.conrelid AS oid,
         pg_catalog.string_agg(pg_catalog.format('    CONSTRAINT %I %s', k.conname, pg_catalog.pg_get_constraintdef(k.oid)), E',\\n'
                               ORDER BY k.conname) AS list
  FROM pg_catalog.pg_constraint k
  WHERE k.conrelid = ANY ($1::oid[]) AND k.contype = 'c' AND k.conislocal
  GROUP BY 1
), columns AS (
  SELECT c.oid,
         pg_catalog.string_agg(
           pg_catalog.concat('    ', pg_catalog.quote_ident(a.attname), ' ', pg_catalog.format_type(a.atttypid, a.atttypmod),
             CASE WHEN a.attcollation <> t.typcollation THEN pg_catalog.format(' COLLATE %I.%I', ln.nspname, l.collname) END,
             CASE WHEN a.attnotnull THEN ' NOT NULL' END), E',\\n' ORDER BY a.attnum) AS list
  FROM chunk c
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation
  LEFT JOIN pg_catalog.pg_namespace ln ON ln.oid = l.collnamespace
  WHERE c.parent IS NULL
  GROUP BY 1
), setting AS (
  SELECT c.oid, a.attnum,
         pg_catalog.concat(
           CASE WHEN COALESCE(a.attstattarget, -1) >= 0
                THEN pg_catalog.format(E'ALTER TABLE ONLY %s ALTER COLUMN %I SET STATISTICS %s;\\n', c.name, a.attname, a.attstattarget) END,
           CASE WHEN a.attstorage <> t.typstorage OR a.attstorage <> p.attstorage
                THEN pg_catalog.format(E'ALTER TABLE ONLY %s ALTER COLUMN %I SET STORAGE %s;\\n', c.name, a.attname,
                  CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END) END,
           CASE WHEN a.COLUMN_COMPRESSION <> COALESCE(p.COLUMN_COMPRESSION, '')
                THEN pg_catalog.format(E'ALTER TABLE ONLY %s ALTER COLUMN %I SET COMPRESSION %s;\\n', c.name, a.attname,
                  CASE a.COLUMN_COMPRESSION WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' ELSE 'default' END) END,
           E'ALTER TABLE ONLY ' || c.name || ' ALTER COLUMN ' || pg_catalog.quote_ident(a.attname) || ' SET (' || o.options || E');\\n') AS sql
  FROM chunk c
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_catalog.pg_attribute p ON p.attrelid = c.parent AND p.attname = a.attname AND NOT p.attisdropped
  CROSS JOIN LATERAL (SELECT ${columnOptions('a')} AS options) AS o
), settings AS (
  SELECT oid, pg_catalog.string_agg(sql, '' ORDER BY attnum) AS list FROM setting WHERE sql <> '' GROUP BY 1
)
SELECT 'TABLE' AS kind, c.oid::int8 AS oid, c.relname AS name, c.oid::int8 AS "table", c.nspname AS schema, c.relname AS "tableName",
       pg_catalog.concat('CREATE TABLE ', c.name, E' (\\n', pg_catalog.concat_ws(E',\\n', columns.list, checks.list), E'\\n)',
         CASE WHEN c.parent IS NOT NULL THEN pg_catalog.format(E'\\nINHERITS (%s)', pg_catalog.format('%I.%I', pn.nspname, p.relname)) END,
         CASE WHEN c.reloptions IS NOT NULL THEN (
           SELECT pg_catalog.format(E'\\nWITH (%s)', pg_catalog.string_agg(pg_catalog.format('%I=%L',
             pg_catalog.split_part(o, '=', 1), pg_catalog.substr(o, pg_catalog.strpos(o, '=') + 1)), ', '))
           FROM pg_catalog.unnest(c.reloptions) AS o) END,
         E';\\n', settings.list) AS sql,
       pg_catalog.pg_get_userbyid(c.relowner) AS owner, s.spcname AS tablespace, m.amname AS "accessMethod",
       grants.oid AS "grantsOf"
FROM chunk c
LEFT JOIN columns ON columns.oid = c.oid
LEFT JOIN settings ON settings.oid = c.oid
LEFT JOIN checks ON checks.oid = c.oid
LEFT JOIN grants ON grants.relowner = c.relowner AND grants.acl = c.relacl::text
LEFT JOIN pg_catalog.pg_class p ON p.oid = c.parent
LEFT JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
LEFT JOIN pg_catalog.pg_tablespace s ON s.oid = c.reltablespace
LEFT JOIN pg_catalog.pg_am m ON m.oid = c.relam
ORDER BY c.oid`;

/**
 * Definitions of indexes, one asked for of many: `pg_get_indexdef()` takes 70 µs, and what it says after the names of the
 * index and its table is the same for all whose rows in `pg_index` are, less the OIDs at their beginning, on columns of the same
 * names and types. An expression names columns by number: an index that has one is asked for by itself.
 */
const INDEX_DEFINITIONS = `key AS MATERIALIZED (
  SELECT i.indexrelid, i.indrelid, k.attnum, k.place
  FROM own_index i CROSS JOIN LATERAL pg_catalog.unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)
), index_column AS (
  SELECT k.indexrelid, pg_catalog.string_agg(pg_catalog.concat_ws(' ', pg_catalog.quote_ident(a.attname), a.atttypid, a.attcollation, ${columnOptions('o')}), ', '
                                             ORDER BY k.place) AS list
  FROM key k
  JOIN pg_catalog.pg_attribute a ON a.attrelid = k.indrelid AND a.attnum = k.attnum
  JOIN pg_catalog.pg_attribute o ON o.attrelid = k.indexrelid AND o.attnum = k.place
  GROUP BY 1
), alike AS MATERIALIZED (
  SELECT i.indexrelid, i.made, pg_catalog.min(i.indexrelid::int8) OVER (
           PARTITION BY CASE WHEN i."isPlain" THEN 0 ELSE i.indexrelid::int8 END, i.relam, i.reloptions, i.row, l.list) AS first
  FROM own_index i LEFT JOIN index_column l ON l.indexrelid = i.indexrelid
), first AS MATERIALIZED (
  SELECT indexrelid, made, pg_catalog.pg_get_indexdef(indexrelid) AS sql FROM alike WHERE indexrelid = first
), index_definition AS MATERIALIZED (
  SELECT a.indexrelid, CASE WHEN pg_catalog.starts_with(f.sql, f.made) THEN a.made || pg_catalog.substr(f.sql, pg_catalog.length(f.made) + 1)
                       ELSE pg_catalog.pg_get_indexdef(a.indexrelid) END AS sql
  FROM alike a JOIN first f ON f.indexrelid = a.first
)`;

/** As pg_dump does: no index that is not valid (getIndexes() in src/bin/pg_dump/pg_dump.c). */
const READ_PARTS = `${CHUNK},
own_index AS MATERIALIZED (
  SELECT i.indexrelid, i.indrelid, i.indkey, x.relname, x.relam, x.reloptions, s.spcname,
         i.indexprs IS NULL AND i.indpred IS NULL AS "isPlain",
         pg_catalog.substr(i::text, pg_catalog.length(i.indexrelid::text || i.indrelid::text) + 3) AS row,
         pg_catalog.format('CREATE %sINDEX %I ON %s USING ', CASE WHEN i.indisunique THEN 'UNIQUE ' END, x.relname, c.name) AS made,
         CASE WHEN i.indisclustered THEN pg_catalog.format(E'\\nALTER TABLE %s CLUSTER ON %I;\\n', c.name, x.relname) ELSE '' END AS clustered
  FROM chunk c
  JOIN pg_catalog.pg_index i ON i.indrelid = c.oid AND i.indisvalid AND i.indisready
  JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
  LEFT JOIN pg_catalog.pg_tablespace s ON s.oid = x.reltablespace
), ${INDEX_DEFINITIONS}, own_constraint AS MATERIALIZED (
  SELECT k.oid, k.conname, k.conrelid, k.contype, k.conindid,
         pg_catalog.format(E'ALTER TABLE ONLY %s\\n    ADD CONSTRAINT %I %s;\\n', c.name, k.conname, pg_catalog.pg_get_constraintdef(k.oid)) AS sql
  FROM chunk c
  JOIN pg_catalog.pg_constraint k ON k.conrelid = c.oid AND k.contype IN ('p', 'u', 'x', 'f') AND k.conparentid = 0
), object AS (
  SELECT 'INDEX' AS kind, i.indexrelid AS oid, i.relname AS name, i.indrelid AS "table",
         d.sql || E';\\n' || i.clustered AS sql, i.spcname AS tablespace
  FROM own_index i JOIN index_definition d ON d.indexrelid = i.indexrelid
  WHERE NOT EXISTS (SELECT FROM own_constraint k WHERE k.conindid = i.indexrelid AND k.contype <> 'f')
  UNION ALL
  SELECT CASE k.contype WHEN 'f' THEN 'FK CONSTRAINT' ELSE 'CONSTRAINT' END, k.oid, k.conname, k.conrelid,
         k.sql || COALESCE(i.clustered, ''), i.spcname
  FROM own_constraint k LEFT JOIN own_index i ON i.indexrelid = k.conindid AND k.contype <> 'f'
  UNION ALL
  SELECT 'TRIGGER', t.oid, t.tgname, t.tgrelid, pg_catalog.pg_get_triggerdef(t.oid, false) || E';\\n', NULL
  FROM chunk c JOIN pg_catalog.pg_trigger t ON t.tgrelid = c.oid AND NOT t.tgisinternal
)
SELECT o.kind, o.oid::int8 AS oid, o.name, c.oid::int8 AS "table", c.nspname AS schema, c.relname AS "tableName", o.sql,
       pg_catalog.pg_get_userbyid(c.relowner) AS owner, o.tablespace, NULL AS "accessMethod", NULL AS "grantsOf"
FROM object o JOIN chunk c ON c.oid = o."table"
ORDER BY o.kind, o.oid`;

/** What the user may drop or change: neither the chunk itself nor what belongs to an extension. */
const READ_DEPENDENCIES = `
WITH object (classid, objid, catalog, oid, "table") AS (
  SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::oid, c.oid, 'pg_catalog.pg_class'::pg_catalog.regclass::oid, c.oid, c.oid FROM pg_catalog.unnest($1::oid[]) AS c (oid)
  UNION ALL
  SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::oid, i.indexrelid, COALESCE(k.tableoid, 'pg_catalog.pg_class'::pg_catalog.regclass::oid),
         COALESCE(k.oid, i.indexrelid), i.indrelid
  FROM pg_catalog.pg_index i
  LEFT JOIN pg_catalog.pg_constraint k ON k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')
  WHERE i.indrelid = ANY ($1::oid[])
  UNION ALL
  SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass::oid, k.oid,
         CASE WHEN k.contype IN ('c', 'n') THEN 'pg_catalog.pg_class'::pg_catalog.regclass::oid ELSE k.tableoid END,
         CASE WHEN k.contype IN ('c', 'n') THEN k.conrelid ELSE k.oid END, k.conrelid
  FROM pg_catalog.pg_constraint k WHERE k.conrelid = ANY ($1::oid[])
  UNION ALL
  SELECT 'pg_catalog.pg_trigger'::pg_catalog.regclass::oid, t.oid, t.tableoid, t.oid, t.tgrelid
  FROM pg_catalog.pg_trigger t WHERE t.tgrelid = ANY ($1::oid[]) AND NOT t.tgisinternal
)
SELECT DISTINCT o.catalog::int8 AS catalog, o.oid::int8 AS oid, COALESCE(r.oid, d.refobjid)::int8 AS needs,
       CASE WHEN r.oid IS NULL THEN d.refclassid ELSE r.tableoid END::int8 AS "needsCatalog"
FROM object o
JOIN pg_catalog.pg_depend d ON d.classid = o.classid AND d.objid = o.objid AND d.refobjid >= 16384
-- A foreign key depends on an index: pg_dump tells of its constraint.
LEFT JOIN pg_catalog.pg_constraint r
  ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND r.conindid = d.refobjid AND r.contype IN ('p', 'u', 'x')
WHERE d.refobjid NOT IN (o.oid, o."table")
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                  WHERE e.classid = d.refclassid AND e.objid = d.refobjid AND e.deptype = 'e')`;

/** What makes chunks, and what that needs. */
export interface ChunkDefinitions {
  readonly objects: readonly ChunkDefinition[];
  readonly dependencies: readonly ChunkDependency[];
}

/**
 * Reads the tables of plain chunks from the catalogs, in the words of the server's own functions, as `pg_dump` does: in
 * the order in which they were made; and what they and their parts need.
 *
 * @throws HyperferryError `SOURCE_CHANGED` when a chunk was dropped since the snapshot
 */
export async function readChunkTables(
  session: Session,
  serverVersion: number,
  chunks: ReadonlySet<number>,
): Promise<ChunkDefinitions> {
  if (chunks.size === 0) return { objects: [], dependencies: [] };
  const oids = [...chunks];
  const query =
    serverVersion >= 140_000
      ? READ_TABLES.replaceAll('COLUMN_COMPRESSION', 'attcompression')
      : READ_TABLES.replaceAll(/[ap]\.COLUMN_COMPRESSION/g, "''::text");
  const dependencies: ChunkDependency[] = [];
  const objects = await readDefinitionsOf(session, query, oids);
  await session.each<Record<keyof ChunkDependency, string>>(
    READ_DEPENDENCIES,
    ({ catalog, oid, needs, needsCatalog }) =>
      dependencies.push({
        catalog: Number(catalog),
        oid: Number(oid),
        needs: Number(needs),
        needsCatalog: Number(needsCatalog),
      }),
    [oids],
  );
  return { objects, dependencies };
}

/** Reads indexes, constraints and triggers of plain chunks, in the same way. */
export async function readPartsOfChunks(
  session: Session,
  chunks: ReadonlySet<number>,
): Promise<ChunkDefinition[]> {
  if (chunks.size === 0) return [];
  return readDefinitionsOf(session, READ_PARTS, [...chunks]);
}

async function readDefinitionsOf(
  session: Session,
  query: string,
  oids: readonly number[],
): Promise<ChunkDefinition[]> {
  const definitions: ChunkDefinition[] = [];
  const shared = sharedTexts();
  await session.each<DefinitionRow>(query, (row) => definitions.push(definitionFrom(row, shared)), [oids]);
  return definitions;
}

/** Gives the same text for equal ones: each that comes is a text of its own, and schemas and owners are few. */
function sharedTexts(): (text: string) => string {
  const texts = new Map<string, string>();
  return (text) => {
    const known = texts.get(text) ?? text;
    texts.set(text, known);
    return known;
  };
}

type DefinitionRow = Record<'oid' | 'name' | 'table' | 'schema' | 'tableName' | 'owner', string> &
  Record<'sql' | 'tablespace' | 'accessMethod' | 'grantsOf', string | null> & {
    readonly kind: ChunkDefinition['kind'];
  };

function definitionFrom(row: DefinitionRow, shared: (text: string) => string): ChunkDefinition {
  const { kind, oid, name, table, schema, tableName, sql, owner, tablespace, accessMethod, grantsOf } = row;
  // The server's functions look at the newest state of the catalogs.
  if (sql === null) {
    throw new HyperferryError(
      'SOURCE_CHANGED',
      `${schema}.${tableName} was dropped or redefined on the source after the snapshot was taken`,
      { hint: 'Keep other sessions from changing the database, and begin again.' },
    );
  }
  return {
    kind: shared(kind) as ChunkDefinition['kind'],
    oid: Number(oid),
    name,
    table: { oid: Number(table), schema: shared(schema), name: shared(tableName) },
    sql,
    owner: shared(owner),
    tablespace: tablespace ?? undefined,
    accessMethod: accessMethod === null ? undefined : shared(accessMethod),
    grantsOf: grantsOf === null ? undefined : Number(grantsOf),
  };
}
