import type { Inventory } from '../inventory/inventory.js';
import type { Membership, Role, Setting } from '../inventory/roles.js';
import { quoteIdentifier, quoteLiteral } from '../postgres/quoting.js';
import { grantStatements } from './grant-statements.js';
import type { Statement } from './statement.js';

/** What `pg_dumpall --roles-only` carries, so that it can be run on a server that has some of it. */
export interface RoleStatements {
  /** Roles that the target lacks. */
  readonly create: readonly Statement[];
  readonly memberships: readonly Statement[];
  readonly settings: readonly Statement[];
  readonly parameterGrants: readonly Statement[];
  /** Settings of the database, and of roles in the database. */
  readonly databaseSettings: readonly Statement[];
}

/** Lists of names, each of which is quoted for itself (`GUC_LIST_QUOTE` in src/backend/utils/misc/guc_tables.c). */
const LIST_SETTINGS = new Set([
  'local_preload_libraries',
  'search_path',
  'session_preload_libraries',
  'shared_preload_libraries',
  'temp_tablespaces',
  'unix_socket_directories',
]);

/**
 * @param passwords the stored forms of passwords by role; empty when they stay behind
 */
export function roleStatements(
  source: Inventory,
  target: Inventory,
  passwords: ReadonlyMap<string, string>,
): RoleStatements {
  const leftAlone = new Set(['postgres', target.server.role, ...target.roles.roles.map(({ name }) => name)]);
  const known = new Set([...source.roles.roles.map(({ name }) => name), ...leftAlone]);
  const settings = source.roles.settings;
  return {
    create: source.roles.roles
      .filter(({ name }) => !leftAlone.has(name))
      .map((role) => createRole(role, passwords.get(role.name), target.server.isSuperuser)),
    memberships: memberships(source, target)
      .filter(({ member }) => member !== 'postgres' && member !== target.server.role)
      .filter(({ role }) => known.has(role) || role.startsWith('pg_'))
      .map((membership) => grantMembership(membership, target.server.version)),
    settings: settings
      .filter(({ role, inDatabase }) => role !== undefined && !inDatabase)
      .filter(({ role }) => role !== 'postgres' && role !== target.server.role)
      .map((setting) => applySetting(setting, target.server.database)),
    parameterGrants: source.roles.parameterGrants
      .filter(({ grantee }) => grantee === '' || known.has(grantee) || grantee.startsWith('pg_'))
      .flatMap(({ parameter, ...grant }) => grantStatements(`PARAMETER ${quoteSetting(parameter)}`, [grant])),
    databaseSettings: settings
      .filter(({ inDatabase }) => inDatabase)
      .map((setting) => applySetting(setting, target.server.database)),
  };
}

/** The attributes of a role that only a superuser may give. */
export function privilegedAttributes(role: Role): string[] {
  return [
    ...(role.superuser ? ['SUPERUSER'] : []),
    ...(role.replication ? ['REPLICATION'] : []),
    ...(role.bypassRls ? ['BYPASSRLS'] : []),
  ];
}

function createRole(role: Role, password: string | undefined, bySuperuser: boolean): Statement {
  const name = quoteIdentifier(role.name);
  const attributes = [
    ...(bySuperuser ? privilegedAttributes(role) : []),
    role.inherit ? 'INHERIT' : 'NOINHERIT',
    role.createRole ? 'CREATEROLE' : 'NOCREATEROLE',
    role.createDatabase ? 'CREATEDB' : 'NOCREATEDB',
    role.canLogin ? 'LOGIN' : 'NOLOGIN',
    ...(role.connectionLimit === -1 ? [] : [`CONNECTION LIMIT ${role.connectionLimit}`]),
    ...(role.validUntil === null ? [] : [`VALID UNTIL ${quoteLiteral(role.validUntil)}`]),
    ...(password === undefined ? [] : [`PASSWORD ${quoteLiteral(password)}`]),
  ];
  const comment = role.comment === null ? '' : `\nCOMMENT ON ROLE ${name} IS ${quoteLiteral(role.comment)};`;
  return {
    sql: `CREATE ROLE ${name} WITH ${attributes.join(' ')};${comment}`,
    object: `role ${role.name}`,
    isSecret: password !== undefined,
  };
}

/**
 * Since PostgreSQL 16 each grantor's grant is one of its own. A superuser makes them all, each after the one that
 * lets its grantor grant; for others, who grants is the connecting role, and what several grantors gave adds up.
 */
function memberships(source: Inventory, target: Inventory): Membership[] {
  const all = source.roles.memberships;
  const eachItsOwn = target.server.isSuperuser && source.server.version >= 160_000;
  return eachItsOwn ? inGrantOrder(all) : addedUp(all);
}

function inGrantOrder(all: readonly Membership[]): Membership[] {
  const ordered: Membership[] = [];
  let waiting = [...all];
  while (waiting.length > 0) {
    const mayGrant = new Set(
      ordered.filter(({ admin }) => admin).map(({ role, member }) => JSON.stringify([role, member])),
    );
    const ready = waiting.filter(
      ({ role, grantor }) => grantor === undefined || mayGrant.has(JSON.stringify([role, grantor])),
    );
    // A superuser other than the first grants without a grant of its own; on the target the first one does.
    const next = ready.length > 0 ? ready : waiting.map((one) => ({ ...one, grantor: undefined }));
    ordered.push(...next);
    waiting = ready.length > 0 ? waiting.filter((one) => !ready.includes(one)) : [];
  }
  return ordered;
}

function addedUp(all: readonly Membership[]): Membership[] {
  const byPair = new Map<string, Membership>();
  for (const one of all) {
    const key = JSON.stringify([one.role, one.member]);
    const known = byPair.get(key);
    byPair.set(key, {
      ...one,
      admin: one.admin || (known?.admin ?? false),
      inherit: one.inherit || known?.inherit,
      set: one.set || known?.set,
      grantor: undefined,
    });
  }
  return [...byPair.values()];
}

function grantMembership(
  { role, member, admin, inherit, set, grantor }: Membership,
  targetVersion: number,
): Statement {
  const by = grantor === undefined ? '' : ` GRANTED BY ${quoteIdentifier(grantor)}`;
  const options =
    targetVersion >= 160_000 && inherit !== undefined && set !== undefined
      ? ` WITH ADMIN ${word(admin)}, INHERIT ${word(inherit)}, SET ${word(set)}`
      : admin
        ? ' WITH ADMIN OPTION'
        : '';
  return {
    sql: `GRANT ${quoteIdentifier(role)} TO ${quoteIdentifier(member)}${options}${by};`,
    object: `membership of ${member} in ${role}`,
  };
}

function word(value: boolean): string {
  return value ? 'TRUE' : 'FALSE';
}

function applySetting({ role, inDatabase, name, value }: Setting, database: string): Statement {
  const where = inDatabase ? quoteIdentifier(database) : '';
  const whose =
    role === undefined
      ? `DATABASE ${where}`
      : `ROLE ${quoteIdentifier(role)}${inDatabase ? ` IN DATABASE ${where}` : ''}`;
  const quotedName = quoteSetting(name);
  const quotedValue = LIST_SETTINGS.has(name.toLowerCase())
    ? splitList(value).map(quoteLiteral).join(', ') || "''"
    : quoteLiteral(value);
  return {
    sql: `ALTER ${whose} SET ${quotedName} TO ${quotedValue};`,
    object: `setting ${name}${role === undefined ? '' : ` of role ${role}`}${inDatabase ? ' in the database' : ''}`,
  };
}

function quoteSetting(name: string): string {
  return name.split('.').map(quoteIdentifier).join('.');
}

/** The names of a list as the server stores it: `"$user", public`. */
function splitList(text: string): string[] {
  return [...text.matchAll(/"((?:[^"]|"")*)"|([^",\s]+)/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '',
  );
}
