import type { Inventory } from '../inventory/inventory.js';
import type { Role } from '../inventory/roles.js';
import type { TocEntry } from '../postgres/archive/archive-toc.js';
import { quoteIdentifier, quoteLiteral, quoteQualified } from '../postgres/quoting.js';
import type { LeftOut } from './left-out.js';
import { privilegedAttributes } from './role-statements.js';

/** What of the source no target gets, or this one does not, whatever was asked for. */
export function leftBehind(source: Inventory, target: Inventory): LeftOut[] {
  return [
    ...invalidIndexes(source),
    ...disabledKeys(source),
    ...settingsOfAllRoles(source),
    ...strippedAttributes(source, target),
    ...keptRoles(source, target),
  ];
}

export function foreignFilters({ relations }: Inventory): LeftOut[] {
  const hypertables = new Map<string, Set<string>>();
  for (const { columns } of relations) {
    for (const { name, foreignFilterOf } of columns) {
      if (!foreignFilterOf) continue;
      const hypertable = quoteQualified(foreignFilterOf);
      hypertables.set(hypertable, (hypertables.get(hypertable) ?? new Set()).add(name));
    }
  }
  return [...hypertables].map(([hypertable, names]) => ({
    object: `filters ${[...names].join(', ')} of the compressed chunks of ${hypertable}`,
    reason:
      'they are made of hashes of OIDs, which are others on the target: queries read the batches that they would have passed over',
    sql: `SELECT compress_chunk(c, recompress => true) FROM show_chunks(${quoteLiteral(hypertable)}) AS c;`,
  }));
}

function invalidIndexes({ definitions }: Inventory): LeftOut[] {
  return definitions.invalidIndexes.map(({ schema, name, sql }) => ({
    object: `index ${schema}.${name}`,
    reason: 'it is not valid on the source: building it failed there, or has not ended',
    sql: `${sql};`,
  }));
}

function disabledKeys({ definitions }: Inventory): LeftOut[] {
  const tables = new Map<string, string[]>();
  for (const { name, of } of definitions.disabledKeys) tables.set(of, [...(tables.get(of) ?? []), name]);
  return [...tables].map(([table, keys]) => ({
    object: `disabled triggers of the foreign keys ${keys.join(', ')} on ${table}`,
    reason: 'the target checks them, as they are defined; the SQL disables all triggers of the table',
    sql: `ALTER TABLE ${table} DISABLE TRIGGER ALL;`,
  }));
}

/** `ALTER ROLE ALL SET` */
function settingsOfAllRoles({ roles }: Inventory): LeftOut[] {
  return roles.settings
    .filter(({ role, inDatabase }) => role === undefined && !inDatabase)
    .map(({ name, value }) => ({
      object: `setting ${name} of all roles`,
      reason: `it is of the whole server: on the source it is ${value}`,
    }));
}

export function missingTablespaces(archive: readonly TocEntry[], present: ReadonlySet<string>): LeftOut[] {
  const objects = new Map<string, number>();
  for (const { tablespace } of archive) {
    if (tablespace && !present.has(tablespace)) objects.set(tablespace, (objects.get(tablespace) ?? 0) + 1);
  }
  return [...objects].map(([tablespace, count]) => ({
    object: `tablespace ${tablespace}`,
    reason: `the target has none of that name: ${count} ${count === 1 ? 'object goes' : 'objects go'} to the default one`,
  }));
}

/** Only a superuser may give these attributes (and give up the right to be asked for them). */
function strippedAttributes(source: Inventory, target: Inventory): LeftOut[] {
  if (target.server.isSuperuser) return [];
  const there = new Set(target.roles.roles.map(({ name }) => name));
  return source.roles.roles
    .filter(({ name }) => name !== 'postgres' && !there.has(name))
    .flatMap((role) => {
      const lost = privilegedAttributes(role);
      return lost.length === 0
        ? []
        : [
            {
              object: `${lost.join(', ')} of role ${role.name}`,
              reason: `${target.server.role} is no superuser on the target`,
              sql: `ALTER ROLE ${quoteIdentifier(role.name)} ${lost.join(' ')};`,
            },
          ];
    });
}

function keptRoles(source: Inventory, target: Inventory): LeftOut[] {
  const attributes = ({ comment: _, hasPassword: __, ...rest }: Role): string => JSON.stringify(rest);
  const existing = new Map(target.roles.roles.map((role) => [role.name, role]));
  return source.roles.roles.flatMap((role) => {
    const there = existing.get(role.name);
    if (!there || role.name === 'postgres' || role.name === target.server.role) return [];
    const differ = (what: string): LeftOut => ({
      object: `${what} role ${role.name}`,
      reason: `the target has the role already, with another ${what === 'comment on' ? 'comment' : 'set of attributes'}`,
    });
    return [
      ...(attributes(there) === attributes(role) ? [] : [differ('attributes of')]),
      ...(there.comment === role.comment ? [] : [differ('comment on')]),
    ];
  });
}

export function passwordsLeftBehind(source: Inventory, target: Inventory, areCarried: boolean): LeftOut[] {
  const there = new Set(target.roles.roles.map(({ name }) => name));
  const leftAlone = (name: string): boolean => name === 'postgres' || name === target.server.role;
  return source.roles.roles
    .filter(({ name, canLogin, hasPassword }) => canLogin && hasPassword !== false && !leftAlone(name))
    .filter(({ name }) => there.has(name) === areCarried)
    .map(({ name }) => ({
      object: `password of role ${name}`,
      reason: areCarried
        ? 'the target has the role already, and keeps its password'
        : 'passwords are carried over only when asked for (--role-passwords)',
    }));
}
