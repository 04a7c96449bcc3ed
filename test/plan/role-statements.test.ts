import { expect, test } from 'vitest';
import { readInventory } from '../../src/inventory/inventory.js';
import { roleStatements } from '../../src/plan/role-statements.js';
import { quoteIdentifier, quoteLiteral } from '../../src/postgres/quoting.js';
import { openSessions } from '../postgres/sessions.js';

const PREFIX = 'role statement ';
/** Names that SQL must quote. */
const NAMES = ['"quoted"', "o'brien", 'semi;colon --', 'new\nline', 'tab\there', 'back\\slash', 'ümläut'];
/** Settings as a user writes them; the server stores a list in a form of its own. */
const SETTINGS = [
  `search_path = "$user", public, "we""ird", "a,b", "Upper", 'semi;colon'`,
  `search_path = ''`,
  `work_mem = '12345kB'`,
  `application_name = 'it''s \\ "here", ; --'`,
  `"my.Setting" = 'a = b'`,
  `temp_tablespaces = ''`,
  `DateStyle = 'ISO, DMY'`,
];

test('roles, memberships and settings with odd names are those of the source, after the statements have run', async () => {
  const roles = NAMES.map((name) => PREFIX + name);
  const [first = '', second = ''] = roles;
  const script = [
    ...roles.map((role) => `CREATE ROLE ${quoteIdentifier(role)};`),
    ...roles.map((role) => `COMMENT ON ROLE ${quoteIdentifier(role)} IS ${quoteLiteral(`of\n${role}`)};`),
    ...SETTINGS.map((setting, at) => `ALTER ROLE ${quoteIdentifier(roles[at] ?? '')} SET ${setting};`),
    ...SETTINGS.map(
      (setting, at) =>
        `ALTER ROLE ${quoteIdentifier(roles.at(-1 - at) ?? '')} IN DATABASE role_statements SET ${setting};`,
    ),
    `ALTER ROLE ${quoteIdentifier(first)} LOGIN CREATEDB CONNECTION LIMIT 3 VALID UNTIL '2030-01-01 00:00+00';`,
    `GRANT ${quoteIdentifier(first)} TO ${quoteIdentifier(second)} WITH ADMIN TRUE, INHERIT FALSE, SET TRUE;`,
    `ALTER DATABASE role_statements SET search_path = "$user", 'x y';`,
  ];
  const { source, target } = await openSessions('role_statements', script.join('\n'));
  const statements = roleStatements(await readInventory(source), await readInventory(target), new Map());
  const all = Object.values(statements).flat();
  // Other tests make roles on the same servers.
  const mine = all.filter(({ sql }) => sql.includes(PREFIX) || sql.startsWith('ALTER DATABASE'));
  for (const { sql } of mine) await target.query(sql);

  for (const text of [READ_ROLES, READ_MEMBERSHIPS, READ_SETTINGS]) {
    const [expected, found] = await Promise.all([source.query(text), target.query(text)]);
    expect(expected.length).toBeGreaterThan(0);
    expect(found).toEqual(expected);
  }
});

test('roles that the target has, postgres and the connecting role are left alone', async () => {
  const { source, target } = await openSessions(
    'role_statements_left',
    `CREATE ROLE role_statement_there SUPERUSER; GRANT pg_monitor TO postgres;`,
    'CREATE ROLE role_statement_there',
  );
  const { create, memberships } = roleStatements(
    await readInventory(source),
    await readInventory(target),
    new Map(),
  );
  expect(create.filter(({ sql }) => /role_statement_there|"postgres"/.test(sql))).toEqual([]);
  expect(memberships.filter(({ sql }) => /TO "postgres"/.test(sql))).toEqual([]);
});

test('a password is in a statement only when it was read', async () => {
  const { source, target } = await openSessions(
    'role_statements_password',
    'CREATE ROLE role_statement_secret',
  );
  const [from, to] = [await readInventory(source), await readInventory(target)];
  const stored = ['SCRAM', "made'up"].join('-');
  const sql = (passwords: Map<string, string>) =>
    roleStatements(from, to, passwords).create.find((one) => one.sql.includes('role_statement_secret'))?.sql;
  expect(sql(new Map())).not.toContain('PASSWORD');
  expect(sql(new Map([['role_statement_secret', stored]]))).toContain(`PASSWORD 'SCRAM-made''up'`);
});

const READ_ROLES = `
SELECT rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolconnlimit, rolvaliduntil,
       pg_catalog.shobj_description(oid, 'pg_authid') AS comment
FROM pg_catalog.pg_roles WHERE rolname LIKE '${PREFIX}%' ORDER BY rolname`;

const READ_MEMBERSHIPS = `
SELECT roleid::pg_catalog.regrole::text, member::pg_catalog.regrole::text, admin_option, inherit_option, set_option
FROM pg_catalog.pg_auth_members WHERE roleid::pg_catalog.regrole::text LIKE '%${PREFIX}%' ORDER BY 1, 2`;

const READ_SETTINGS = `
SELECT r.rolname, d.datname, s.setconfig
FROM pg_catalog.pg_db_role_setting s
LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
WHERE r.rolname LIKE '${PREFIX}%' OR d.datname = 'role_statements' ORDER BY 1, 2`;
