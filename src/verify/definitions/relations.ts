import { STORED_TYPES } from '../../inventory/stored-types.js';
import { columnOptions } from '../../postgres/column-options.js';
import { isNoMember } from '../../postgres/extension-member.js';
import { type DefinitionQuery, IS_USER_SCHEMA, optionLines, relationKind } from './definition.js';

/**
 * Whether a new table of these columns is sure to get a TOAST table, and may have options for it: one that has lost its
 * long columns keeps it, where it comes from. A few bytes decide only of columns that all have a limit.
 * Source: heapam_relation_needs_toast_table() in src/backend/access/heap/heapam_handler.c
 */
const NEEDS_TOAST = `EXISTS (
  SELECT FROM pg_catalog.pg_attribute a
  WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated <> 'v' AND a.attlen = -1
    AND a.attstorage <> 'p' AND (a.atttypmod < 0 OR a.atttypmod > 2032 AND a.atttypid IN ('pg_catalog.varchar'::pg_catalog.regtype, 'pg_catalog.bpchar'::pg_catalog.regtype)
      OR a.atttypid NOT IN ('pg_catalog.varchar'::pg_catalog.regtype, 'pg_catalog.bpchar'::pg_catalog.regtype, 'pg_catalog.numeric'::pg_catalog.regtype,
                            'pg_catalog.bit'::pg_catalog.regtype, 'pg_catalog.varbit'::pg_catalog.regtype)))`;

/** Tables, chunks, views, foreign tables, sequences: everything that is not of their columns. */
const relations: DefinitionQuery = () => `
SELECT ${relationKind('c')} AS kind, c.oid::pg_catalog.regclass::text AS object,
       pg_catalog.concat_ws(E'\\n',
         CASE c.relpersistence WHEN 'u' THEN 'unlogged' END,
         'partitioned by ' || pg_catalog.pg_get_partkeydef(c.oid),
         'partition ' || pg_catalog.pg_get_expr(c.relpartbound, c.oid),
         'inherits ' || (SELECT pg_catalog.string_agg(i.inhparent::pg_catalog.regclass::text, ', ' ORDER BY i.inhseqno)
                         FROM pg_catalog.pg_inherits i WHERE i.inhrelid = c.oid),
         'of type ' || NULLIF(c.reloftype, 0)::pg_catalog.regtype::text,
         'access method ' || NULLIF((SELECT am.amname::text FROM pg_catalog.pg_am am WHERE am.oid = c.relam), 'heap'),
         CASE WHEN c.relrowsecurity THEN 'row security enabled' END,
         CASE WHEN c.relforcerowsecurity THEN 'row security forced' END,
         'replica identity ' || CASE c.relreplident WHEN 'f' THEN 'full' WHEN 'n' THEN 'nothing' WHEN 'i' THEN 'an index' END,
         ${optionLines('c.reloptions', 'option')},
         CASE WHEN t.reloptions IS NOT NULL AND ${NEEDS_TOAST} THEN ${optionLines('t.reloptions', 'toast option')} END,
         CASE WHEN c.relkind = 'm' AND NOT c.relispopulated THEN 'not populated' END,
         'server ' || pg_catalog.quote_ident(f.srvname), ${optionLines('ft.ftoptions', 'foreign option')}) AS text
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_class t ON t.oid = c.reltoastrelid
LEFT JOIN pg_catalog.pg_foreign_table ft ON ft.ftrelid = c.oid
LEFT JOIN pg_catalog.pg_foreign_server f ON f.oid = ft.ftserver
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't' AND ${IS_USER_SCHEMA} AND ${isNoMember('pg_class', 'c.oid')}`;

/** Apart from the view, since another major version may print the same query in another way. */
const queries: DefinitionQuery = () => `
SELECT 'query of ' || ${relationKind('c')} AS kind, c.oid::pg_catalog.regclass::text AS object,
       pg_catalog.pg_get_viewdef(c.oid) AS text
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('v', 'm') AND c.relpersistence <> 't' AND ${IS_USER_SCHEMA} AND ${isNoMember('pg_class', 'c.oid')}`;

/**
 * One row a relation, not one a column. In the order of their names: a table that was altered may have its columns in
 * another place than a new one, and holds the same. A composite type is what it is by the order of its attributes, and so
 * is a table where columns hold its rows.
 */
const columns: DefinitionQuery = ({ server, older }) => `
WITH RECURSIVE ${STORED_TYPES}
SELECT 'columns of ' || ${relationKind('c')} AS kind, c.oid::pg_catalog.regclass::text AS object,
       pg_catalog.string_agg(pg_catalog.concat_ws(' ', pg_catalog.quote_ident(a.attname),
         pg_catalog.format_type(a.atttypid, a.atttypmod),
         CASE WHEN a.attcollation <> t.typcollation THEN 'collate ' || pg_catalog.quote_ident(co_n.nspname) || '.' || pg_catalog.quote_ident(co.collname) END,
         CASE WHEN a.attnotnull THEN 'not null' END,
         CASE a.attgenerated WHEN '' THEN 'default ' ELSE 'generated as ' END || pg_catalog.pg_get_expr(d.adbin, d.adrelid),
         CASE a.attgenerated WHEN 'v' THEN 'virtual' WHEN 's' THEN 'stored' END,
         CASE a.attidentity WHEN 'a' THEN 'identity always' WHEN 'd' THEN 'identity by default' END,
         CASE WHEN a.attstorage <> t.typstorage THEN 'storage ' || a.attstorage::text END,
         ${server >= 140_000 && older >= 140_000 ? `'compression ' || NULLIF(a.attcompression::text, '')` : 'NULL'},
         'statistics ' || NULLIF(a.attstattarget, -1),
         'options ' || ${columnOptions('a')},
         'foreign options ' || pg_catalog.array_to_string(a.attfdwoptions, ', ')), E'\\n'
         ORDER BY CASE WHEN c.relkind = 'c' OR c.reltype IN (SELECT type FROM stored) THEN a.attnum END, a.attname::text COLLATE pg_catalog."C") AS text
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_catalog.pg_collation co ON co.oid = a.attcollation
LEFT JOIN pg_catalog.pg_namespace co_n ON co_n.oid = co.collnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c') AND c.relpersistence <> 't' AND ${IS_USER_SCHEMA} AND ${isNoMember('pg_class', 'c.oid')}
GROUP BY c.oid, c.relkind`;

const sequences: DefinitionQuery = () => `
SELECT 'sequence' AS kind, c.oid::pg_catalog.regclass::text AS object,
       pg_catalog.concat_ws(E'\\n', CASE c.relpersistence WHEN 'u' THEN 'unlogged' END,
         'type ' || pg_catalog.format_type(s.seqtypid, NULL), 'start ' || s.seqstart, 'increment ' || s.seqincrement,
         'from ' || s.seqmin || ' to ' || s.seqmax, 'cache ' || s.seqcache, CASE WHEN s.seqcycle THEN 'cycle' END,
         'owned by ' || (SELECT d.refobjid::pg_catalog.regclass::text || '.' || pg_catalog.quote_ident(a.attname)
           FROM pg_catalog.pg_depend d
           JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
           WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.objsubid = 0
             AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype IN ('a', 'i'))) AS text
FROM pg_catalog.pg_sequence s
JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relpersistence <> 't' AND ${IS_USER_SCHEMA} AND ${isNoMember('pg_class', 'c.oid')}`;

/** Apart from what they hold: the target may have no tablespace of the name. */
const tablespaces: DefinitionQuery = () => `
SELECT 'tablespace of ' || ${relationKind('c')} AS kind, c.oid::pg_catalog.regclass::text AS object, s.spcname::text AS text
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_tablespace s ON s.oid = c.reltablespace
LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
WHERE c.relpersistence <> 't' AND ${IS_USER_SCHEMA} AND ${isNoMember('pg_class', 'COALESCE(i.indrelid, c.oid)')}`;

export const RELATIONS: readonly DefinitionQuery[] = [relations, queries, columns, sequences, tablespaces];
