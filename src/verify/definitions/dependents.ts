import { columnOptions } from '../../postgres/column-options.js';
import { isNoMember } from '../../postgres/extension-member.js';
import { type DefinitionQuery, IS_USER_SCHEMA, optionLines } from './definition.js';

const OF_USER_TABLE = `
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relpersistence <> 't' AND ${IS_USER_SCHEMA} AND ${isNoMember('pg_class', 'c.oid')}`;

/**
 * The partitions' copies of a constraint are their parent's matter. Those that TimescaleDB makes of a foreign key to a
 * hypertable, one for each chunk, are not PostgreSQL's doing, so that a key may lack them: their names are numbered, and
 * no part of it. NOT NULL constraints, which have names of their own since PostgreSQL 18, are compared with the columns.
 */
const constraints: DefinitionQuery = () => `
SELECT 'constraint' AS kind, pg_catalog.quote_ident(k.conname) || ' on ' || c.oid::pg_catalog.regclass AS object,
       pg_catalog.concat_ws(E'\\n', pg_catalog.pg_get_constraintdef(k.oid),
         (SELECT pg_catalog.string_agg('to ' || o.confrelid::pg_catalog.regclass, E'\\n'
                                       ORDER BY o.confrelid::pg_catalog.regclass::text COLLATE pg_catalog."C")
          FROM pg_catalog.pg_constraint o JOIN pg_catalog.pg_class r ON r.oid = k.confrelid AND r.relkind = 'r'
          WHERE o.conparentid = k.oid AND o.conrelid = k.conrelid)) AS text
FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid ${OF_USER_TABLE}
  AND k.contype IN ('c', 'f', 'p', 'u', 'x') AND k.conparentid = 0
UNION ALL
SELECT 'constraint', pg_catalog.quote_ident(k.conname) || ' on domain ' || k.contypid::pg_catalog.regtype,
       pg_catalog.pg_get_constraintdef(k.oid)
FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_type t ON t.oid = k.contypid
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE k.contype = 'c' AND ${IS_USER_SCHEMA} AND ${isNoMember('pg_type', 't.oid')}`;

/**
 * From the catalogs, as `pg_get_indexdef()` reads them: it takes 70 µs, and chunks have many indexes. Only an expression is
 * asked for. Source: pg_get_indexdef_worker() in src/backend/utils/adt/ruleutils.c
 */
const indexes: DefinitionQuery = ({ server }) => `
WITH own AS (
  SELECT i.*, x.relam, x.reloptions
  FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
  JOIN pg_catalog.pg_class c ON c.oid = i.indrelid ${OF_USER_TABLE}
    -- pg_dump leaves others out, and so do we, by name.
    AND (i.indisvalid OR c.relkind = 'p') AND i.indisready
), key AS (
  SELECT i.indexrelid, o.attnum AS place, pg_catalog.concat_ws(' ',
           CASE WHEN o.attnum > i.indnkeyatts THEN 'including' ELSE 'key' END,
           COALESCE(pg_catalog.quote_ident(a.attname), '(' || pg_catalog.pg_get_indexdef(i.indexrelid, o.attnum, false) || ')'),
           CASE WHEN co.oid <> COALESCE(a.attcollation, 0)
                THEN 'collate ' || pg_catalog.quote_ident(co_n.nspname) || '.' || pg_catalog.quote_ident(co.collname) END,
           CASE WHEN (oc.opcdefault AND oc.opcintype = a.atttypid) IS NOT TRUE
                THEN pg_catalog.quote_ident(oc_n.nspname) || '.' || pg_catalog.quote_ident(oc.opcname) END,
           'options ' || ${columnOptions('o')},
           CASE WHEN i.indoption[o.attnum - 1] & 1 <> 0 THEN 'descending' END,
           CASE WHEN i.indoption[o.attnum - 1] & 2 <> 0 THEN 'nulls first' END,
           CASE WHEN o.attstattarget >= 0 THEN 'statistics ' || o.attstattarget END) AS line
  FROM own i
  JOIN pg_catalog.pg_attribute o ON o.attrelid = i.indexrelid
  LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[o.attnum - 1]
  LEFT JOIN pg_catalog.pg_collation co ON co.oid = i.indcollation[o.attnum - 1]
  LEFT JOIN pg_catalog.pg_namespace co_n ON co_n.oid = co.collnamespace
  LEFT JOIN pg_catalog.pg_opclass oc ON oc.oid = i.indclass[o.attnum - 1]
  LEFT JOIN pg_catalog.pg_namespace oc_n ON oc_n.oid = oc.opcnamespace
  OFFSET 0 -- sorts the lines, and not what they are made of
)
SELECT 'index' AS kind, i.indexrelid::pg_catalog.regclass::text AS object,
       pg_catalog.concat_ws(E'\\n', CASE WHEN i.indisunique THEN 'unique' END,
         ${server >= 150_000 ? `CASE WHEN i.indnullsnotdistinct THEN 'nulls not distinct' END` : 'NULL'},
         'on ' || i.indrelid::pg_catalog.regclass, 'using ' || pg_catalog.quote_ident(am.amname), keys.lines,
         'where ' || pg_catalog.pg_get_expr(i.indpred, i.indrelid), ${optionLines('i.reloptions', 'option')},
         CASE WHEN NOT i.indisvalid THEN 'invalid' END,
         CASE WHEN i.indisclustered THEN 'clustered by' END, CASE WHEN i.indisreplident THEN 'replica identity' END) AS text
FROM own i
JOIN pg_catalog.pg_am am ON am.oid = i.relam
JOIN (SELECT indexrelid, pg_catalog.string_agg(line, E'\\n' ORDER BY place) AS lines FROM key GROUP BY indexrelid) AS keys
  ON keys.indexrelid = i.indexrelid`;

const triggers: DefinitionQuery = () => `
SELECT 'trigger' AS kind, pg_catalog.quote_ident(t.tgname) || ' on ' || c.oid::pg_catalog.regclass AS object,
       pg_catalog.concat_ws(E'\\n', pg_catalog.pg_get_triggerdef(t.oid),
         CASE t.tgenabled WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'enabled on a replica' WHEN 'A' THEN 'enabled always' END) AS text
FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid ${OF_USER_TABLE} AND NOT t.tgisinternal`;

const rules: DefinitionQuery = () => `
SELECT 'rule' AS kind, pg_catalog.quote_ident(r.rulename) || ' on ' || c.oid::pg_catalog.regclass AS object,
       pg_catalog.concat_ws(E'\\n', pg_catalog.pg_get_ruledef(r.oid),
         CASE r.ev_enabled WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'enabled on a replica' WHEN 'A' THEN 'enabled always' END) AS text
FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_class c ON c.oid = r.ev_class ${OF_USER_TABLE} AND r.rulename <> '_RETURN'`;

const policies: DefinitionQuery = () => `
SELECT 'policy' AS kind, pg_catalog.quote_ident(p.polname) || ' on ' || c.oid::pg_catalog.regclass AS object,
       pg_catalog.concat_ws(E'\\n', CASE WHEN p.polpermissive THEN 'permissive' ELSE 'restrictive' END, 'for ' || p.polcmd::text,
         'to ' || (SELECT pg_catalog.string_agg(CASE role WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.pg_get_userbyid(role)::text END, ', '
                     ORDER BY CASE role WHEN 0 THEN '' ELSE pg_catalog.pg_get_userbyid(role)::text END COLLATE pg_catalog."C")
                   FROM pg_catalog.unnest(p.polroles) AS role),
         'using ' || pg_catalog.pg_get_expr(p.polqual, p.polrelid),
         'with check ' || pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid)) AS text
FROM pg_catalog.pg_policy p JOIN pg_catalog.pg_class c ON c.oid = p.polrelid ${OF_USER_TABLE}`;

/** The statistics target has been NULL instead of -1 since PostgreSQL 17. */
const statistics: DefinitionQuery = ({ server, older }) => `
SELECT 'statistics' AS kind, pg_catalog.format('%I.%I', n.nspname, s.stxname) AS object,
       pg_catalog.concat_ws(E'\\n', pg_catalog.pg_get_statisticsobjdef(s.oid),
         ${server >= 130_000 && older >= 130_000 ? `'target ' || NULLIF(s.stxstattarget, -1)` : 'NULL'}) AS text
FROM pg_catalog.pg_statistic_ext s JOIN pg_catalog.pg_namespace n ON n.oid = s.stxnamespace
WHERE ${IS_USER_SCHEMA} AND ${isNoMember('pg_statistic_ext', 's.oid')}`;

export const DEPENDENTS: readonly DefinitionQuery[] = [
  constraints,
  indexes,
  triggers,
  rules,
  policies,
  statistics,
];
