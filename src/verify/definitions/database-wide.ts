import { isNoMember } from '../../postgres/extension-member.js';
import { type DefinitionQuery, IS_USER_SCHEMA } from './definition.js';

const schemas: DefinitionQuery = () => `
SELECT 'schema' AS kind, pg_catalog.quote_ident(n.nspname) AS object, '' AS text
FROM pg_catalog.pg_namespace n WHERE ${IS_USER_SCHEMA} AND ${isNoMember('pg_namespace', 'n.oid')}`;

const extensions: DefinitionQuery = () => `
SELECT 'extension' AS kind, pg_catalog.quote_ident(e.extname) AS object,
       pg_catalog.concat_ws(E'\\n', 'version ' || e.extversion, 'schema ' || pg_catalog.quote_ident(n.nspname)) AS text
FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace`;

/** What pg_dump leaves to an extension's script, less what comes with another member, such as a table's row type. */
const members: DefinitionQuery = () => `
SELECT 'member of extension ' || e.extname AS kind, i.type || ' ' || i.identity AS object, '' AS text
FROM pg_catalog.pg_extension e
JOIN pg_catalog.pg_depend m ON m.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND m.refobjid = e.oid AND m.deptype = 'e'
CROSS JOIN LATERAL pg_catalog.pg_identify_object(m.classid, m.objid, m.objsubid) AS i
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = m.classid AND d.objid = m.objid AND d.deptype = 'i')`;

/** Column lists, row filters and whole schemas came with PostgreSQL 15. */
const publications: DefinitionQuery = ({ server }) => {
  const filters =
    server >= 150_000
      ? `|| COALESCE(' (' || (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_catalog.pg_attribute a
           WHERE a.attrelid = r.prrelid AND a.attnum = ANY (r.prattrs::int2[])) || ')', '')
         || COALESCE(' where ' || pg_catalog.pg_get_expr(r.prqual, r.prrelid), '')`
      : '';
  const schemasLine =
    server >= 150_000
      ? `(SELECT pg_catalog.string_agg('schema ' || s.pnnspid::pg_catalog.regnamespace, E'\\n' ORDER BY s.pnnspid::pg_catalog.regnamespace::text COLLATE pg_catalog."C")
          FROM pg_catalog.pg_publication_namespace s WHERE s.pnpubid = p.oid)`
      : 'NULL';
  return `
SELECT 'publication' AS kind, pg_catalog.quote_ident(p.pubname) AS object,
       pg_catalog.concat_ws(E'\\n', CASE WHEN p.puballtables THEN 'all tables' END, CASE WHEN p.pubinsert THEN 'insert' END,
         CASE WHEN p.pubupdate THEN 'update' END, CASE WHEN p.pubdelete THEN 'delete' END,
         CASE WHEN p.pubtruncate THEN 'truncate' END, ${server >= 130_000 ? `CASE WHEN p.pubviaroot THEN 'via root' END` : 'NULL'},
         (SELECT pg_catalog.string_agg(t.line, E'\\n' ORDER BY t.line COLLATE pg_catalog."C") FROM (
            SELECT 'table ' || r.prrelid::pg_catalog.regclass ${filters} AS line
            FROM pg_catalog.pg_publication_rel r WHERE r.prpubid = p.oid) AS t),
         ${schemasLine}) AS text
FROM pg_catalog.pg_publication p`;
};

const eventTriggers: DefinitionQuery = () => `
SELECT 'event trigger' AS kind, pg_catalog.quote_ident(t.evtname) AS object,
       pg_catalog.concat_ws(E'\\n', 'on ' || t.evtevent, 'tags ' || pg_catalog.array_to_string(t.evttags, ', '),
         'calls ' || t.evtfoid::pg_catalog.regprocedure,
         CASE t.evtenabled WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'enabled on a replica' WHEN 'A' THEN 'enabled always' END) AS text
FROM pg_catalog.pg_event_trigger t WHERE ${isNoMember('pg_event_trigger', 't.oid')}`;

/**
 * What initdb and extensions comment on is theirs; the server names the object. DROP SUBSCRIPTION leaves the
 * comment on it behind, which is then on nothing that has a name. What is said of the rule that a view is made of stands in no
 * dump (dumpRule() in PostgreSQL's src/bin/pg_dump/pg_dump.c).
 */
const comments: DefinitionQuery = () => `
SELECT 'comment on ' || i.type AS kind, i.identity AS object, d.description AS text
FROM pg_catalog.pg_description d
CROSS JOIN LATERAL pg_catalog.pg_identify_object(d.classoid, d.objoid, d.objsubid) AS i
WHERE (d.objoid >= 16384 OR d.classoid = 'pg_catalog.pg_largeobject'::pg_catalog.regclass
       OR d.classoid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND d.objoid = pg_catalog.to_regnamespace('public'))
  AND i.identity IS NOT NULL AND i.schema IS DISTINCT FROM '_hyperferry'
  AND NOT (i.type = 'rule' AND i.identity LIKE '"\\_RETURN" on %')
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend m
    WHERE m.classid = d.classoid AND m.objid = d.objoid AND m.deptype = 'e')
UNION ALL
SELECT 'security label on ' || i.type, i.identity, l.provider || ' ' || l.label
FROM pg_catalog.pg_seclabel l CROSS JOIN LATERAL pg_catalog.pg_identify_object(l.classoid, l.objoid, l.objsubid) AS i
WHERE i.identity IS NOT NULL`;

export const DATABASE_WIDE: readonly DefinitionQuery[] = [
  schemas,
  extensions,
  members,
  publications,
  eventTriggers,
  comments,
];
