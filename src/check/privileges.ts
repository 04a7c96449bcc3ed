import { type Check, type Finding, nameSome, readNames } from './finding.js';

/** Tables and sequences of the user's that the connecting role may not read. */
const READ_UNREADABLE = `
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'S') AND n.nspname NOT IN ('pg_catalog', 'information_schema', '_hyperferry')
  AND n.nspname NOT LIKE 'pg\\_%'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.deptype = 'e' AND d.objid = c.oid
                  AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass)
  AND NOT (pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND
           CASE c.relkind WHEN 'S' THEN pg_catalog.has_sequence_privilege(c.oid, 'SELECT')
                          ELSE pg_catalog.has_table_privilege(c.oid, 'SELECT') END)
ORDER BY 1`;

/** Tables whose policies hide rows from the connecting role. With row_security = off, reading them is an error. */
const READ_HIDDEN_ROWS = `
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE pg_catalog.row_security_active(c.oid) ORDER BY 1`;

const READ_MAY_CREATE =
  "SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE') AS may";

/** What the connecting roles may do. */
export const privileges: Check = async ({ source, target }) => {
  const [from, to] = [source.inventory.server, target.inventory.server];
  const findings: Finding[] = [];
  const unreadable = await readNames(source.session, READ_UNREADABLE);
  if (unreadable.length > 0) {
    findings.push({
      id: 'source-unreadable',
      severity: 'blocker',
      code: 'PRIVILEGE',
      found: `expected the role ${from.role} to be allowed to read everything on the source, but it may not read ${nameSome(unreadable)}`,
      objects: unreadable,
      why: 'What cannot be read cannot be moved.',
      mend: `GRANT pg_read_all_data TO "${from.role}"; on the source, or connect as a superuser.`,
    });
  }
  await source.session.query('SET row_security = on');
  const hidden = await readNames(source.session, READ_HIDDEN_ROWS);
  await source.session.query('SET row_security = off');
  if (hidden.length > 0) {
    findings.push({
      id: 'hidden-rows',
      severity: 'blocker',
      code: 'PRIVILEGE',
      found: `row level security hides rows from the role ${from.role} in ${nameSome(hidden)}`,
      objects: hidden,
      why: 'The copy would be incomplete; the server refuses it instead.',
      mend: `ALTER ROLE "${from.role}" BYPASSRLS; on the source, or connect as a superuser.`,
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
      mend: `ALTER DATABASE "${to.database}" OWNER TO "${to.role}"; on the target, as a superuser.`,
    });
  }
  return findings;
};
