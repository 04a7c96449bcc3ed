import {
  type Check,
  type Checked,
  type CheckedSide,
  type DumpChecked,
  type Finding,
  nameSome,
  type RestoreChecked,
  readNames,
} from './finding.js';

const READ_JOB_OWNERS = `
SELECT DISTINCT pg_catalog.pg_get_userbyid(pg_catalog.to_regrole(owner::text)::oid)::text AS name
FROM timescaledb_information.jobs WHERE job_id >= 1000 ORDER BY 1`;

/** Who exists on both sides, and what of a role cannot travel. */
export const roles: Check = async (checked) => [
  ...missingRoles(checked),
  ...passwordsToRead(checked),
  ...passwordsLeftBehind(checked),
  ...(await jobOwners(checked)),
];

type RolesChecked = Pick<RestoreChecked, 'target'> & { readonly source: Pick<CheckedSide, 'inventory'> };

export function missingRoles({ source, target }: RolesChecked): Finding[] {
  const there = new Set(target.inventory.roles.roles.map(({ name }) => name));
  const missing = source.inventory.roles.roles.filter(({ name }) => !there.has(name));
  const findings: Finding[] = [];
  if (missing.length > 0) {
    findings.push({
      id: 'roles-missing',
      severity: 'note',
      found: `roles that the target lacks: ${nameSome(missing.map(({ name }) => name))}`,
      objects: missing.map(({ name }) => name),
      why: 'Owners, grants and jobs name roles.',
      mend: 'Nothing to do: they are made.',
    });
  }
  const privileged = missing.filter((role) => role.superuser || role.replication || role.bypassRls);
  if (privileged.length > 0 && !target.inventory.server.isSuperuser) {
    const names = privileged.map(({ name }) => name);
    findings.push({
      id: 'role-attributes',
      severity: 'warning',
      found: `roles lose SUPERUSER, REPLICATION or BYPASSRLS: ${nameSome(names)}`,
      objects: names,
      why: `Only a superuser may give these attributes, and ${target.inventory.server.role} is none on the target.`,
      mend: 'Nothing to do if the roles do without; else connect to the target as a superuser.',
    });
  }
  return findings;
}

/** Asked for, stored passwords must be there to be read. */
export function passwordsToRead({ source, options }: Pick<DumpChecked, 'source' | 'options'>): Finding[] {
  const { roles: all } = source.inventory.roles;
  if (!options.rolePasswords || all.some(({ hasPassword }) => hasPassword !== undefined)) return [];
  return [
    {
      id: 'role-passwords-unreadable',
      severity: 'blocker',
      code: 'PRIVILEGE',
      found: `expected the role ${source.inventory.server.role} to be allowed to read stored passwords for --role-passwords, but it may not`,
      objects: [],
      why: 'Only a superuser reads pg_authid.',
      mend: 'Connect to the source as a superuser, or leave --role-passwords away and set new passwords on the target.',
    },
  ];
}

function passwordsLeftBehind({ source, target, options }: Checked): Finding[] {
  const there = new Set(target.inventory.roles.roles.map(({ name }) => name));
  const logins = source.inventory.roles.roles
    .filter(({ name, canLogin, hasPassword }) => !there.has(name) && canLogin && hasPassword !== false)
    .map(({ name }) => name);
  if (logins.length === 0 || options.rolePasswords) return [];
  return [
    {
      id: 'role-passwords',
      severity: 'note',
      found: `passwords do not travel: ${nameSome(logins)}`,
      objects: logins,
      why: 'Stored passwords are secrets, and are carried over only when asked for.',
      mend: source.inventory.server.isSuperuser
        ? 'Add --role-passwords, or set new ones on the target: ALTER ROLE … PASSWORD …;'
        : 'Set them on the target: ALTER ROLE … PASSWORD …; (only a superuser of the source may read them).',
    },
  ];
}

async function jobOwners({ source, target }: Checked): Promise<Finding[]> {
  const { role, isSuperuser } = target.inventory.server;
  if (!source.inventory.timescale || isSuperuser) return [];
  const owners = await readNames(source.session, READ_JOB_OWNERS);
  const foreign = owners.filter((name) => name !== role);
  if (foreign.length === 0) return [];
  return [
    {
      id: 'job-owners',
      severity: 'warning',
      found: `background jobs belong to ${nameSome(foreign)}, which ${role} may not be a member of`,
      objects: foreign,
      why: 'A target without superuser takes only jobs of roles that the connecting role is a member of.',
      mend: `Jobs of other owners are given to ${role}; or name a role for each: --role-map old=new`,
    },
  ];
}
