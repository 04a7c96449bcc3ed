/**
 * What is neither an extension's own nor made by the server with another object, with which alone it goes: a range
 * type's constructors, a table's row type, a column's sequence. The object's alias is `o`.
 */
export const STANDS_ALONE = `NOT EXISTS (
  SELECT FROM pg_catalog.pg_depend d
  WHERE d.deptype IN ('e', 'i') AND d.objid = o.oid AND d.classid = o.tableoid)`;

/** What only superusers make, whoever owns its schema may drop all the same. Source: RemoveObjects() in dropcmds.c. */
const OWNS_PUBLIC = `pg_catalog.pg_has_role((SELECT nspowner FROM pg_catalog.pg_namespace WHERE nspname = 'public'), 'USAGE')`;

/** Kinds whose objects are named by a schema and a name alone, and how the columns of these begin. */
const NAMED_ALONE = [
  ['COLLATION', 'pg_collation', 'coll', 'true'],
  ['CONVERSION', 'pg_conversion', 'con', 'true'],
  ['TEXT SEARCH CONFIGURATION', 'pg_ts_config', 'cfg', 'true'],
  ['TEXT SEARCH DICTIONARY', 'pg_ts_dict', 'dict', 'true'],
  ['TEXT SEARCH PARSER', 'pg_ts_parser', 'prs', OWNS_PUBLIC],
  ['TEXT SEARCH TEMPLATE', 'pg_ts_template', 'tmpl', OWNS_PUBLIC],
] as const;

/** A family takes its classes with it, but a class may be in a family of the server's. */
const NAMED_FOR_ACCESS_METHOD = [
  ['OPERATOR CLASS', 'pg_opclass', 'opc'],
  ['OPERATOR FAMILY', 'pg_opfamily', 'opf'],
] as const;

/**
 * Commands, a row each, that drop from `public` what may be made of the server's own types and functions, so that no
 * user's type, function or table takes it along. They come before those that drop access methods: `IF EXISTS` does not
 * pass over an operator class whose access method is gone.
 */
export const DROP_FROM_PUBLIC = [
  ...NAMED_ALONE.map(
    ([kind, catalog, prefix, isAllowed]) => `
SELECT pg_catalog.format('DROP ${kind} IF EXISTS public.%I CASCADE', ${prefix}name) AS command
FROM pg_catalog.${catalog} o
WHERE ${prefix}namespace = pg_catalog.to_regnamespace('public') AND ${isAllowed} AND ${STANDS_ALONE}`,
  ),
  `
SELECT pg_catalog.format('DROP OPERATOR IF EXISTS public.%s (%s, %s) CASCADE', oprname, ${typeOrNone('oprleft')}, ${typeOrNone('oprright')})
FROM pg_catalog.pg_operator o
WHERE oprnamespace = pg_catalog.to_regnamespace('public') AND ${STANDS_ALONE}`,
  ...NAMED_FOR_ACCESS_METHOD.map(
    ([kind, catalog, prefix]) => `
SELECT pg_catalog.format('DROP ${kind} IF EXISTS public.%I USING %I CASCADE', ${prefix}name, amname)
FROM pg_catalog.${catalog} o JOIN pg_catalog.pg_am m ON m.oid = ${prefix}method
WHERE ${prefix}namespace = pg_catalog.to_regnamespace('public') AND ${STANDS_ALONE}
  AND (${OWNS_PUBLIC} OR pg_catalog.pg_has_role(${prefix}owner, 'USAGE'))`,
  ),
].join(' UNION ALL ');

/** An operator with one operand has no type on the other side. */
function typeOrNone(oid: string): string {
  return `COALESCE(NULLIF(${oid}, 0)::pg_catalog.regtype::text, 'NONE')`;
}
