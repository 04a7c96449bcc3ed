import type { Session } from '../postgres/session.js';

/** Kinds that are rare, and whose names have parts of their own: `public.backwards USING btree`. */
const NAMED_BY_SERVER = [
  ['text search parser', 'pg_ts_parser'],
  ['text search template', 'pg_ts_template'],
  ['conversion', 'pg_conversion'],
  ['operator class', 'pg_opclass'],
  ['operator family', 'pg_opfamily'],
  ['transform', 'pg_transform'],
] as const;

/**
 * Everything in a database that no extension brought and initdb did not make, by kind and name. It is for people to
 * read: whether a target is empty, and what stands in it.
 */
const READ_CONTENT = `
WITH member AS (SELECT classid, objid FROM pg_catalog.pg_depend WHERE deptype = 'e'),
object (kind, classid, oid, name) AS (
  SELECT 'schema', 'pg_catalog.pg_namespace'::pg_catalog.regclass, oid, nspname::text
  FROM pg_catalog.pg_namespace
  WHERE nspname NOT LIKE 'pg\\_%' AND nspname NOT IN ('public', 'information_schema')
  UNION ALL
  SELECT CASE relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence'
                      WHEN 'f' THEN 'foreign table' ELSE 'table' END,
         'pg_catalog.pg_class'::pg_catalog.regclass, c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname)
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND c.oid >= 16384 AND n.nspname NOT LIKE 'pg\\_%'
  UNION ALL
  SELECT 'function', 'pg_catalog.pg_proc'::pg_catalog.regclass, p.oid, p.oid::pg_catalog.regprocedure::text
  FROM pg_catalog.pg_proc p WHERE p.oid >= 16384
  UNION ALL
  SELECT 'type', 'pg_catalog.pg_type'::pg_catalog.regclass, t.oid, t.oid::pg_catalog.regtype::text
  FROM pg_catalog.pg_type t
  WHERE t.oid >= 16384 AND t.typtype IN ('e', 'd', 'r', 'b') AND t.typcategory <> 'A'
  UNION ALL
  SELECT 'type', 'pg_catalog.pg_type'::pg_catalog.regclass, t.oid, t.oid::pg_catalog.regtype::text
  FROM pg_catalog.pg_type t JOIN pg_catalog.pg_class c ON c.oid = t.typrelid AND c.relkind = 'c'
  WHERE t.oid >= 16384
  UNION ALL
  SELECT 'collation', 'pg_catalog.pg_collation'::pg_catalog.regclass, c.oid,
         pg_catalog.format('%I.%I', n.nspname, c.collname)
  FROM pg_catalog.pg_collation c JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace
  WHERE c.oid >= 16384 AND n.nspname <> 'pg_catalog'
  UNION ALL
  SELECT 'text search configuration', 'pg_catalog.pg_ts_config'::pg_catalog.regclass, c.oid,
         pg_catalog.format('%I.%I', n.nspname, c.cfgname)
  FROM pg_catalog.pg_ts_config c JOIN pg_catalog.pg_namespace n ON n.oid = c.cfgnamespace
  WHERE c.oid >= 16384
  UNION ALL
  SELECT 'text search dictionary', 'pg_catalog.pg_ts_dict'::pg_catalog.regclass, c.oid,
         pg_catalog.format('%I.%I', n.nspname, c.dictname)
  FROM pg_catalog.pg_ts_dict c JOIN pg_catalog.pg_namespace n ON n.oid = c.dictnamespace
  WHERE c.oid >= 16384
  ${NAMED_BY_SERVER.map(
    ([kind, catalog]) => `UNION ALL
  SELECT '${kind}', 'pg_catalog.${catalog}'::pg_catalog.regclass, o.oid, i.identity
  FROM pg_catalog.${catalog} o
  CROSS JOIN LATERAL pg_catalog.pg_identify_object('pg_catalog.${catalog}'::pg_catalog.regclass, o.oid, 0) AS i
  WHERE o.oid >= 16384`,
  ).join('\n  ')}
  UNION ALL
  SELECT 'operator', 'pg_catalog.pg_operator'::pg_catalog.regclass, oid, oid::pg_catalog.regoperator::text
  FROM pg_catalog.pg_operator WHERE oid >= 16384
  UNION ALL
  SELECT 'cast', 'pg_catalog.pg_cast'::pg_catalog.regclass, oid,
         pg_catalog.format('%s to %s', castsource::pg_catalog.regtype, casttarget::pg_catalog.regtype)
  FROM pg_catalog.pg_cast WHERE oid >= 16384
  UNION ALL
  SELECT 'language', 'pg_catalog.pg_language'::pg_catalog.regclass, oid, lanname::text
  FROM pg_catalog.pg_language WHERE oid >= 16384
  UNION ALL
  SELECT 'access method', 'pg_catalog.pg_am'::pg_catalog.regclass, oid, amname::text
  FROM pg_catalog.pg_am WHERE oid >= 16384
  UNION ALL
  SELECT 'foreign data wrapper', 'pg_catalog.pg_foreign_data_wrapper'::pg_catalog.regclass, oid, fdwname::text
  FROM pg_catalog.pg_foreign_data_wrapper
  UNION ALL
  SELECT 'publication', 'pg_catalog.pg_publication'::pg_catalog.regclass, oid, pubname::text
  FROM pg_catalog.pg_publication
  UNION ALL
  SELECT 'subscription', 'pg_catalog.pg_subscription'::pg_catalog.regclass, oid, subname::text
  FROM pg_catalog.pg_subscription
  WHERE subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
  UNION ALL
  SELECT 'event trigger', 'pg_catalog.pg_event_trigger'::pg_catalog.regclass, oid, evtname::text
  FROM pg_catalog.pg_event_trigger
  UNION ALL
  SELECT 'foreign server', 'pg_catalog.pg_foreign_server'::pg_catalog.regclass, oid, srvname::text
  FROM pg_catalog.pg_foreign_server
  UNION ALL
  SELECT 'large object', 'pg_catalog.pg_largeobject'::pg_catalog.regclass, oid, oid::text
  FROM pg_catalog.pg_largeobject_metadata
)
SELECT o.kind, o.name FROM object o
WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = o.classid AND m.objid = o.oid)
ORDER BY o.kind, o.name`;

export interface ContentObject {
  readonly kind: string;
  readonly name: string;
}

export async function readContent(session: Session): Promise<ContentObject[]> {
  return session.query<ContentObject & Record<string, unknown>>(READ_CONTENT);
}
