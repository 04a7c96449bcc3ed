import type { Inventory } from '../inventory/inventory.js';
import type { Membership } from '../inventory/roles.js';
import type { Session } from '../postgres/session.js';
import { ObjectSet } from './object-set.js';

/** Roles that own something in the database, or that a grant or a policy in it names. */
const READ_USED_ROLES = `
SELECT DISTINCT r.rolname::text AS name
FROM pg_catalog.pg_shdepend d JOIN pg_catalog.pg_roles r ON r.oid = d.refobjid
WHERE d.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass
  AND (d.dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
       OR d.classid = 'pg_catalog.pg_database'::pg_catalog.regclass
          AND d.objid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()))`;

/** With the roles that they are members of, and those that are members of them. */
export async function readUsedRoles(session: Session, { roles }: Inventory): Promise<Set<string>> {
  const used = new Set((await session.query<{ name: string }>(READ_USED_ROLES)).map(({ name }) => name));
  for (const { role, inDatabase } of roles.settings) if (role && inDatabase) used.add(role);
  for (let size = -1; size !== used.size; ) {
    size = used.size;
    for (const { role, member } of roles.memberships) {
      if (used.has(member)) used.add(role);
      // Members of the server's own roles have nothing to do with the database.
      if (used.has(role) && !role.startsWith('pg_')) used.add(member);
    }
  }
  return used;
}

/**
 * Roles with their attributes, memberships and settings. `postgres` and the role that connects to the target are left
 * alone by a migration, and so here.
 */
export function roleObjects(
  inventory: Inventory,
  isMeant: (role: string) => boolean,
  leftAlone: ReadonlySet<string>,
): ObjectSet {
  const objects = new ObjectSet();
  const { roles, memberships, settings, parameterGrants } = inventory.roles;
  for (const { name, comment, hasPassword: _, ...attributes } of roles) {
    if (!isMeant(name) || leftAlone.has(name)) continue;
    objects.add('role', name, []);
    objects.add(
      'attributes of role',
      name,
      Object.entries(attributes).map(([attribute, value]) => `${attribute} ${value}`),
    );
    if (comment !== null) objects.add('comment on role', name, [comment]);
  }
  for (const [pair, options] of optionsOf(
    memberships.filter(({ member }) => isMeant(member) && !leftAlone.has(member)),
  )) {
    objects.add('membership', pair, [...options].sort());
  }
  for (const { role, inDatabase, name, value } of settings) {
    if (!role || inDatabase || !isMeant(role) || leftAlone.has(role)) continue;
    objects.add('setting', `${name} of role ${role}`, [value]);
  }
  for (const { parameter, grantee, privilege, grantable } of parameterGrants) {
    if (grantee === '' || !isMeant(grantee) || leftAlone.has(grantee)) continue;
    objects.add(`${privilege} on parameter`, `${parameter} for ${grantee}`, grantable ? ['grantable'] : []);
  }
  return objects;
}

/** What several roles granted of one membership adds up. */
function optionsOf(memberships: readonly Membership[]): Map<string, Set<string>> {
  const pairs = new Map<string, Set<string>>();
  for (const { role, member, admin, inherit, set } of memberships) {
    const pair = `of ${member} in ${role}`;
    const options = pairs.get(pair) ?? new Set();
    if (admin) options.add('admin');
    if (inherit) options.add('inherit');
    if (set) options.add('set');
    pairs.set(pair, options);
  }
  return pairs;
}
