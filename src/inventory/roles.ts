import type { Session } from '../postgres/session.js';

export interface Role {
  readonly name: string;
  readonly superuser: boolean;
  readonly inherit: boolean;
  readonly createRole: boolean;
  readonly createDatabase: boolean;
  readonly canLogin: boolean;
  readonly replication: boolean;
  readonly bypassRls: boolean;
  readonly connectionLimit: number;
  /** In UTC. */
  readonly validUntil: string | null;
  /** Whether a password is stored; undefined where the connecting role may not see that. */
  readonly hasPassword: boolean | undefined;
  readonly comment: string | null;
}

export interface Membership {
  readonly role: string;
  readonly member: string;
  readonly admin: boolean;
  /** Undefined before PostgreSQL 16, where the member's own attribute decides. */
  readonly inherit: boolean | undefined;
  readonly set: boolean | undefined;
  /** The role that granted it; undefined for the server's first superuser, who always may. */
  readonly grantor: string | undefined;
}

/** One parameter set for a role, a database, or a role in a database. */
export interface Setting {
  readonly role: string | undefined;
  /** Whether it holds in this database alone; else in all databases of the server. */
  readonly inDatabase: boolean;
  readonly name: string;
  readonly value: string;
}

/** A right to set a parameter, or to change it for the server (PostgreSQL 15 and newer). */
export interface ParameterGrant {
  readonly parameter: string;
  /** The empty name for all roles. */
  readonly grantee: string;
  readonly privilege: string;
  readonly grantable: boolean;
}

export interface Roles {
  readonly roles: readonly Role[];
  readonly memberships: readonly Membership[];
  readonly settings: readonly Setting[];
  readonly parameterGrants: readonly ParameterGrant[];
}

/** Roles whose name begins with `pg_` are the server's own. */
const READ_ROLES = `
SELECT rolname AS name, rolsuper AS superuser, rolinherit AS inherit, rolcreaterole AS "createRole",
       rolcreatedb AS "createDatabase", rolcanlogin AS "canLogin", rolreplication AS replication,
       rolbypassrls AS "bypassRls", rolconnlimit AS "connectionLimit", 
       CASE WHEN pg_catalog.isfinite(rolvaliduntil) THEN (rolvaliduntil AT TIME ZONE 'UTC')::text || '+00'
            ELSE rolvaliduntil::text END AS "validUntil",
       HAS_PASSWORD AS "hasPassword",
       pg_catalog.shobj_description(oid, 'pg_authid') AS comment
FROM pg_catalog.pg_roles
WHERE rolname NOT LIKE 'pg\\_%'
ORDER BY rolname`;

/** The role with OID 10 is the one that initdb made. */
const READ_MEMBERSHIPS = `
SELECT r.rolname AS role, m.rolname AS member, a.admin_option AS admin, OPTIONS,
       CASE WHEN a.grantor <> 10 THEN g.rolname END AS grantor
FROM pg_catalog.pg_auth_members a
JOIN pg_catalog.pg_roles r ON r.oid = a.roleid
JOIN pg_catalog.pg_roles m ON m.oid = a.member
LEFT JOIN pg_catalog.pg_roles g ON g.oid = a.grantor
-- Those among the server's own roles are the server's as well.
WHERE NOT (m.rolname LIKE 'pg\\_%' AND r.rolname LIKE 'pg\\_%')
ORDER BY r.rolname, m.rolname, g.rolname`;

/** Less those of the role that initdb made, which has all of them. */
const READ_PARAMETER_GRANTS = `
SELECT p.parname AS parameter, COALESCE(r.rolname, '') AS grantee, x.privilege_type AS privilege, x.is_grantable AS grantable
FROM pg_catalog.pg_parameter_acl p
CROSS JOIN LATERAL pg_catalog.aclexplode(p.paracl) AS x
LEFT JOIN pg_catalog.pg_roles r ON r.oid = x.grantee
WHERE x.grantee <> 10 AND (x.grantee = 0 OR r.rolname IS NOT NULL)
ORDER BY 1, 2, 3`;

/** The restore mode is a setting of the database too, and never one to carry over. */
const READ_SETTINGS = `
SELECT r.rolname AS role, s.setdatabase <> 0 AS "inDatabase",
       pg_catalog.split_part(c.setting, '=', 1) AS name,
       pg_catalog.substr(c.setting, pg_catalog.strpos(c.setting, '=') + 1) AS value
FROM pg_catalog.pg_db_role_setting s
LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) WITH ORDINALITY AS c (setting, position)
WHERE s.setdatabase IN (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()))
  AND (s.setrole = 0 OR r.rolname IS NOT NULL) AND c.setting NOT LIKE 'timescaledb.restoring=%'
ORDER BY s.setdatabase, r.rolname, c.position`;

export async function readRoles(session: Session, serverVersion: number): Promise<Roles> {
  const options =
    serverVersion >= 160_000
      ? 'a.inherit_option AS inherit, a.set_option AS set'
      : 'NULL AS inherit, NULL AS set';
  const [memberships, settings, parameterGrants, roles] = await Promise.all([
    session.query<{
      role: string;
      member: string;
      admin: boolean;
      inherit: boolean | null;
      set: boolean | null;
      grantor: string | null;
    }>(READ_MEMBERSHIPS.replace('OPTIONS', options)),
    session.query<Omit<Setting, 'role'> & { role: string | null }>(READ_SETTINGS),
    serverVersion >= 150_000
      ? session.query<ParameterGrant & Record<string, unknown>>(READ_PARAMETER_GRANTS)
      : [],
    readNames(session),
  ]);
  return {
    roles: roles.map((role) => ({ ...role, hasPassword: role.hasPassword ?? undefined })),
    memberships: memberships.map(({ inherit, set, grantor, ...rest }) => ({
      ...rest,
      grantor: grantor ?? undefined,
      inherit: inherit ?? undefined,
      set: set ?? undefined,
    })),
    settings: settings.map(({ role, ...rest }) => ({ ...rest, role: role ?? undefined })),
    parameterGrants,
  };
}

type NamedRole = Omit<Role, 'hasPassword'> & { hasPassword: boolean | null };

async function readNames(session: Session): Promise<NamedRole[]> {
  const { may } = await session.one<{ may: boolean }>(
    "SELECT pg_catalog.has_table_privilege('pg_catalog.pg_authid', 'SELECT') AS may",
  );
  const hasPassword = may
    ? '(SELECT a.rolpassword IS NOT NULL FROM pg_catalog.pg_authid a WHERE a.oid = pg_roles.oid)'
    : 'NULL::boolean';
  return session.query<NamedRole>(READ_ROLES.replace('HAS_PASSWORD', hasPassword));
}

/** The stored forms of passwords by role; needs a superuser. They are kept in memory alone. */
export async function readRolePasswords(session: Session): Promise<Map<string, string>> {
  const rows = await session.query<{ name: string; password: string }>(
    'SELECT rolname AS name, rolpassword AS password FROM pg_catalog.pg_authid WHERE rolpassword IS NOT NULL',
  );
  return new Map(rows.map(({ name, password }) => [name, password]));
}
