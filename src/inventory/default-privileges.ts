import type { Session } from '../postgres/session.js';

/** What a role has set by ALTER DEFAULT PRIVILEGES for one kind of objects. */
export interface DefaultPrivileges {
  /** `tables`, or `tables in public`. */
  readonly name: string;
  /** Whether they are the connecting role's: they act on what it makes. */
  readonly isOwn: boolean;
  /** Statements that give what PostgreSQL has by default. */
  readonly reset: string;
}

const GRANTEE =
  "CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END";

/**
 * The server forgets them when all is taken back and its own defaults are given again, which those for one schema do
 * not have. Source: SetDefaultACL() in aclchk.c.
 */
const READ_DEFAULT_PRIVILEGES = `
SELECT o.kind || COALESCE(' in ' || o.schema, '') AS name,
       pg_catalog.pg_get_userbyid(o.defaclrole) = current_user AS "isOwn",
       pg_catalog.string_agg(pg_catalog.concat('ALTER DEFAULT PRIVILEGES FOR ROLE ',
         pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(o.defaclrole)), ' IN SCHEMA ' || o.schema, ' ', c.change, ';'),
         E'\\n' ORDER BY c.step, c.change) AS reset
FROM (SELECT *, NULLIF(defaclnamespace, 0)::pg_catalog.regnamespace::text AS schema,
             CASE defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions'
                                WHEN 'T' THEN 'types' WHEN 'n' THEN 'schemas' ELSE 'large objects' END AS kind
      FROM pg_catalog.pg_default_acl) AS o
CROSS JOIN LATERAL (
  SELECT DISTINCT 1, pg_catalog.format('REVOKE ALL ON %s FROM %s', pg_catalog.upper(o.kind), ${GRANTEE})
  FROM pg_catalog.aclexplode(o.defaclacl) AS a
  UNION ALL
  SELECT 2, pg_catalog.format('GRANT %s ON %s TO %s', a.privilege_type, pg_catalog.upper(o.kind), ${GRANTEE})
  FROM pg_catalog.aclexplode(pg_catalog.acldefault(CASE o.defaclobjtype WHEN 'S' THEN 's'::"char" ELSE o.defaclobjtype END,
                                                   o.defaclrole)) AS a
  WHERE o.schema IS NULL) AS c (step, change)
WHERE pg_catalog.pg_has_role(o.defaclrole, 'USAGE')
GROUP BY o.oid, o.kind, o.schema, o.defaclrole
ORDER BY 1`;

/** Those that the connecting role may change. */
export async function readDefaultPrivileges(session: Session): Promise<DefaultPrivileges[]> {
  return session.query<DefaultPrivileges & Record<string, unknown>>(READ_DEFAULT_PRIVILEGES);
}
