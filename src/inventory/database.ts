import type { Session } from '../postgres/session.js';

/** What belongs to the database itself, which `pg_dump` leaves out without `--create`. */
export interface DatabaseProperties {
  readonly owner: string;
  readonly comment: string | null;
  readonly connectionLimit: number;
  /** Whether everyone who may make databases may copy it, and nobody may drop it. */
  readonly isTemplate: boolean;
  /** Also those that a new database has, by grantee; `PUBLIC` is the empty name. Undefined where nobody knows them. */
  readonly grants: readonly DatabaseGrant[] | undefined;
}

export interface DatabaseGrant {
  readonly grantee: string;
  readonly privilege: string;
  readonly grantable: boolean;
}

const READ_DATABASE = `
SELECT pg_catalog.pg_get_userbyid(d.datdba) AS owner, pg_catalog.shobj_description(d.oid, 'pg_database') AS comment,
       d.datconnlimit AS "connectionLimit", d.datistemplate AS "isTemplate",
       (SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
                 'grantee', COALESCE(r.rolname, ''), 'privilege', a.privilege_type, 'grantable', a.is_grantable)
               ORDER BY r.rolname, a.privilege_type)
        FROM pg_catalog.aclexplode(COALESCE(d.datacl, pg_catalog.acldefault('d', d.datdba))) a
        LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee) AS grants
FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()`;

export async function readDatabase(session: Session): Promise<DatabaseProperties> {
  const { grants, ...rest } = await session.one<
    Omit<DatabaseProperties, 'grants'> & { grants: DatabaseGrant[] | null }
  >(READ_DATABASE);
  return { ...rest, grants: grants ?? undefined };
}
