import { isNoMember } from '../postgres/extension-member.js';
import { quoteIdentifier } from '../postgres/quoting.js';
import {
  type Check,
  type DumpChecked,
  type Finding,
  nameSome,
  type RestoreChecked,
  readNames,
} from './finding.js';

/** Tables and sequences of the user's that the connecting role may not read. */
const READ_UNREADABLE = `
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'S') AND n.nspname NOT IN ('pg_catalog', 'information_schema', '_hyperferry')
  AND n.nspname NOT LIKE 'pg\\_%'
  AND ${isNoMember('pg_class', 'c.oid')}
  AND NOT (pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND
           CASE c.relkind WHEN 'S' THEN pg_catalog.has_sequence_privilege(c.oid, 'SELECT')
                          ELSE pg_catalog.has_table_privilege(c.oid, 'SELECT') END)
ORDER BY 1`;

/** Tables whose policies hide rows from the connecting role. With row_security = off, reading them is an error. */
const READ_HIDDEN_ROWS = `
SET LOCAL row_security = on; -- for this message
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relrowsecurity AND pg_catalog.row_security_active(c.oid) ORDER BY 1`;

/** Large objects have grants of their own, and no role reads them all but a superuser. */
const READ_UNREADABLE_OBJECTS = `
SELECT m.oid::text AS name FROM pg_catalog.pg_largeobject_metadata m
WHERE NOT pg_catalog.pg_has_role(m.lomowner, 'USAGE')
  AND NOT EXISTS (SELECT FROM pg_catalog.aclexplode(m.lomacl) a
                  WHERE a.privilege_type = 'SELECT'
                    AND (a.grantee = 0 OR pg_catalog.pg_has_role(a.grantee, 'USAGE')))
ORDER BY m.oid`;

/** What --clean-target would have to drop and may not. */
const READ_UNDROPPABLE = `
SELECT pg_catalog.format('database %I', datname) AS name FROM pg_catalog.pg_database
WHERE datname = pg_catalog.current_database() AND NOT pg_catalog.pg_has_role(datdba, 'MEMBER')
UNION ALL
SELECT pg_catalog.format('schema %I', nspname) FROM pg_catalog.pg_namespace n
WHERE nspname NOT LIKE 'pg\\_%' AND nspname NOT IN ('public', 'information_schema')
  AND NOT pg_catalog.pg_has_role(nspowner, 'MEMBER')
  AND ${isNoMember('pg_namespace', 'n.oid')}
UNION ALL
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND c.oid >= 16384 AND n.nspname NOT LIKE 'pg\\_%'
  AND NOT pg_catalog.pg_has_role(c.relowner, 'MEMBER')
  AND ${isNoMember('pg_class', 'c.oid')}
ORDER BY 1`;

const READ_MAY_CREATE =
  "SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE') AS may";

/** Services let their users call what turns restore mode on with its owner's rights. */
const READ_MAY_BEGIN_RESTORE_MODE = `
SELECT EXISTS (
  SELECT FROM pg_catalog.pg_proc p
  JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype = 'e'
  JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid AND e.extname = 'timescaledb'
  WHERE p.proname = 'timescaledb_pre_restore' AND p.prosecdef) OR MAY_SET AS may`;

/** From PostgreSQL 15 on, it may be given. */
const MAY_SET = "pg_catalog.has_parameter_privilege('timescaledb.restoring', 'SET')";

/** What the connecting roles may do. */
export const privileges: Check = async (checked) => [
  ...(await sourcePrivileges(checked)),
  ...(await targetPrivileges(checked)),
];

export const sourcePrivileges: Check<Pick<DumpChecked, 'source'>> = async ({ source }) => {
  const from = source.inventory.server;
  const findings: Finding[] = [];
  const unreadable = await readNames(source.session, READ_UNREADABLE);
  if (unreadable.length > 0) {
    const { login } = await source.session.one<{ login: string }>('SELECT session_user::text AS login');
    const isMade = login !== from.role;
    const made = isMade ? ` (the setting "role" of the database or of ${login} makes sessions be it)` : '';
    findings.push({
      id: 'source-unreadable',
      severity: 'blocker',
      code: 'PRIVILEGE',
      found: `expected the role ${from.role}${made} to be allowed to read everything on the source, but it may not read ${nameSome(unreadable)}`,
      objects: unreadable,
      why: 'What cannot be read cannot be moved.',
      mend: isMade
        ? `To read as ${login}: PGOPTIONS="-c role=none"`
        : from.version >= 140_000
          ? `GRANT pg_read_all_data TO ${quoteIdentifier(from.role)}; on the source, or connect as a superuser.`
          : 'Connect to the source as a superuser.',
    });
  }
  const objects = from.isSuperuser ? [] : await readNames(source.session, READ_UNREADABLE_OBJECTS);
  if (objects.length > 0) {
    findings.push({
      id: 'large-objects-unreadable',
      severity: 'blocker',
      code: 'PRIVILEGE',
      found: `expected the role ${from.role} to be allowed to read the large objects of the source, but it may not read ${nameSome(objects)}`,
      objects,
      why: 'What cannot be read cannot be moved.',
      mend: `GRANT SELECT ON LARGE OBJECT ${objects.slice(0, 10).join(', ')} TO ${quoteIdentifier(from.role)}; on the source, or connect as a superuser.`,
    });
  }
  const hidden = await readNames(source.session, READ_HIDDEN_ROWS);
  if (hidden.length > 0) {
    findings.push({
      id: 'hidden-rows',
      severity: 'blocker',
      code: 'PRIVILEGE',
      found: `row level security hides rows from the role ${from.role} in ${nameSome(hidden)}`,
      objects: hidden,
      why: 'The copy would be incomplete; the server refuses it instead.',
      mend: `ALTER ROLE ${quoteIdentifier(from.role)} BYPASSRLS; on the source, or connect as a superuser.`,
    });
  }
  return findings;
};

type TargetChecked = Pick<RestoreChecked, 'target' | 'options'> & {
  readonly source: Pick<RestoreChecked['source'], 'inventory'>;
};

export const targetPrivileges: Check<TargetChecked> = async ({ source, target, options }) => {
  const to = target.inventory.server;
  const findings: Finding[] = [];
  const undroppable = options.cleanTarget ? await readNames(target.session, READ_UNDROPPABLE) : [];
  if (undroppable.length > 0) {
    findings.push({
      id: 'target-clean',
      severity: 'blocker',
      code: 'PRIVILEGE',
      found: `expected the role ${to.role} to own what --clean-target drops, but it does not own ${nameSome(undroppable)}`,
      objects: undroppable,
      why: 'Only an owner may drop.',
      mend: 'Connect to the target as its owner or as a superuser, or drop these first.',
    });
  }
  if (!(await target.session.one<{ may: boolean }>(READ_MAY_CREATE)).may) {
    findings.push({
      id: 'target-create',
      severity: 'blocker',
      code: 'PRIVILEGE',
      found: `expected the role ${to.role} to be allowed to create schemas in the target database, but it may not`,
      objects: [],
      why: 'Nothing can be made in a database without that right.',
      mend: `ALTER DATABASE ${quoteIdentifier(to.database)} OWNER TO ${quoteIdentifier(to.role)}; on the target, as a superuser.`,
    });
  }
  if (source.inventory.timescale && !to.isSuperuser) {
    const { may } = await target.session.one<{ may: boolean }>(
      READ_MAY_BEGIN_RESTORE_MODE.replace('MAY_SET', to.version >= 150_000 ? MAY_SET : 'false'),
    );
    if (!may) findings.push(withoutRestoreMode(to.role));
  }
  return findings;
};

function withoutRestoreMode(role: string): Finding {
  return {
    id: 'target-restore-mode',
    severity: 'blocker',
    code: 'PRIVILEGE',
    found: `expected a superuser on the target, or timescaledb_pre_restore() there to be SECURITY DEFINER, but ${role} is none, and it is not`,
    objects: [],
    why: "TimescaleDB's restore mode and catalog are a superuser's to set, where no service has made them its users' as well.",
    mend: 'Connect to the target as a superuser. On a service whose extension is made by the migration: --skip-check target-restore-mode.',
  };
}
