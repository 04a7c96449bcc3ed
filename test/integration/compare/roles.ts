import { expect } from 'vitest';
import { compareSets } from './differences.js';
import { linesOf, withBoth } from './lines.js';

const PROPERTIES: Readonly<Record<string, string>> = {
  roles: `
    SELECT pg_catalog.concat_ws(' | ', rolname, 'super ' || rolsuper, 'inherit ' || rolinherit, 'createrole ' || rolcreaterole,
             'createdb ' || rolcreatedb, 'login ' || rolcanlogin, 'replication ' || rolreplication,
             'bypassrls ' || rolbypassrls, 'limit ' || rolconnlimit, 'until ' || rolvaliduntil,
             pg_catalog.shobj_description(oid, 'pg_authid'))
    FROM pg_catalog.pg_roles WHERE rolname LIKE $1`,
  'settings of roles': `
    SELECT pg_catalog.concat_ws(' ', r.rolname, setting)
    FROM pg_catalog.pg_db_role_setting s CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS setting
    JOIN pg_catalog.pg_roles r ON r.oid = s.setrole WHERE s.setdatabase = 0 AND r.rolname LIKE $1`,
  'rights on parameters': `
    SELECT pg_catalog.concat_ws(' ', r.rolname, x.privilege_type, p.parname, x.is_grantable)
    FROM pg_catalog.pg_parameter_acl p CROSS JOIN LATERAL pg_catalog.aclexplode(p.paracl) AS x
    JOIN pg_catalog.pg_roles r ON r.oid = x.grantee WHERE r.rolname LIKE $1`,
  memberships: `
    SELECT pg_catalog.concat_ws(' ', member.rolname, 'in', role.rolname, 'by', grantor.rolname,
             'admin ' || m.admin_option, 'inherit ' || m.inherit_option, 'set ' || m.set_option)
    FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles role ON role.oid = m.roleid
    JOIN pg_catalog.pg_roles member ON member.oid = m.member JOIN pg_catalog.pg_roles grantor ON grantor.oid = m.grantor
    WHERE member.rolname LIKE $1 OR role.rolname LIKE $1`,
};

/** Compares the roles whose names are like a pattern, with their settings, memberships and comments. */
export async function expectEqualRoles(source: string, target: string, pattern: string): Promise<void> {
  const differences = await withBoth(source, target, async (left, right) => {
    const found = [];
    for (const [object, text] of Object.entries(PROPERTIES)) {
      const sides = await Promise.all([left, right].map((client) => linesOf(client, text, [pattern])));
      found.push(...compareSets(object, sides[0] ?? [], sides[1] ?? []));
    }
    return found;
  });
  expect(differences, `how the target's roles like ${pattern} differ from the source's`).toEqual([]);
}
