import type { Session } from '../postgres/session.js';

export interface LargeObject {
  readonly oid: number;
  readonly owner: string;
  readonly comment: string | null;
  readonly grants: readonly {
    readonly grantee: string;
    readonly privilege: string;
    readonly grantable: boolean;
  }[];
}

const READ_LARGE_OBJECTS = `
SELECT m.oid::int8 AS oid, pg_catalog.pg_get_userbyid(m.lomowner) AS owner,
       pg_catalog.obj_description(m.oid, 'pg_largeobject') AS comment,
       (SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
                 'grantee', COALESCE(r.rolname, ''), 'privilege', a.privilege_type, 'grantable', a.is_grantable))
        FROM pg_catalog.aclexplode(m.lomacl) a
        LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
        WHERE a.grantee <> m.lomowner) AS grants
FROM pg_catalog.pg_largeobject_metadata m
ORDER BY m.oid`;

export async function readLargeObjects(session: Session): Promise<LargeObject[]> {
  const rows = await session.query<
    Omit<LargeObject, 'oid' | 'grants'> & { oid: string; grants: LargeObject['grants'] | null }
  >(READ_LARGE_OBJECTS);
  return rows.map(({ oid, grants, ...rest }) => ({ ...rest, oid: Number(oid), grants: grants ?? [] }));
}
