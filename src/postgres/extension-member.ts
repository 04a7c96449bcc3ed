/**
 * SQL that says of an object that no extension brought it. OIDs are unique within a catalog only.
 *
 * @param catalog that of the object, such as `pg_class`
 * @param oid SQL for the object's OID
 */
export function isNoMember(catalog: string, oid: string): string {
  return `NOT EXISTS (SELECT FROM pg_catalog.pg_depend m
    WHERE m.classid = 'pg_catalog.${catalog}'::pg_catalog.regclass AND m.objid = ${oid} AND m.deptype = 'e')`;
}
