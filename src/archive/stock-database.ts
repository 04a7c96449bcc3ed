import type { Inventory } from '../inventory/inventory.js';
import type { Setting } from '../inventory/roles.js';
import type { Archive } from '../postgres/archive/open-archive.js';
import type { TocEntry } from '../postgres/archive/toc-entry.js';
import { IDENTIFIER_PATTERN, quoteIdentifier, unquoted } from '../postgres/quoting.js';
import { encodingOfDatabase } from './expect-readable-text.js';
import { textOf, textOfComment } from './text-of-literal.js';

/** What an archive tells of the server and of the database itself, and what a new one has. */
export function unknownServer({
  header,
  entries,
}: Archive): Pick<Inventory, 'server' | 'database' | 'availableVersions'> {
  const [, major = '0', minor = '0'] = /^(\d+)(?:\.(\d+))?/.exec(header.serverVersion ?? '') ?? [];
  const database = entries.find(({ kind }) => kind === 'DATABASE');
  const properties = entries
    .filter(({ kind }) => kind === 'DATABASE PROPERTIES')
    .map(({ definition }) => definition)
    .join('\n');
  return {
    server: {
      version: Number(major) * 10_000 + Number(minor),
      major: Number(major),
      database: header.database ?? database?.tag ?? '',
      databaseOid: database?.oid ?? 0,
      encoding: encodingOfDatabase(entries) ?? 'UTF8',
      isReplica: false,
      isPooled: false,
      role: database?.owner ?? 'postgres',
      isSuperuser: true,
      maxConnections: 0,
      usedConnections: 0,
      reservedConnections: 0,
      connectionLimits: [],
      maxLocksPerTransaction: 0,
      maxPreparedTransactions: 0,
      sessionDefaults: {},
      preloadsTimescale: false,
    },
    database: {
      owner: database?.owner ?? 'postgres',
      comment: commentOf(entries),
      connectionLimit: Number(CONNECTION_LIMIT.exec(properties)?.[1] ?? -1),
      isTemplate: IS_TEMPLATE.test(properties),
      grants: undefined,
    },
    availableVersions: new Map(),
  };
}

const CONNECTION_LIMIT = new RegExp(`^ALTER DATABASE ${IDENTIFIER_PATTERN} CONNECTION LIMIT = (\\d+);$`, 'm');

const IS_TEMPLATE = new RegExp(`^ALTER DATABASE ${IDENTIFIER_PATTERN} IS_TEMPLATE = true;$`, 'm');

function commentOf(entries: readonly TocEntry[]): string | null {
  const entry = entries.find(({ kind, tag }) => kind === 'COMMENT' && tag.startsWith('DATABASE '));
  return textOfComment(entry?.definition ?? '');
}

const SETTING = new RegExp(
  `^ALTER (?:DATABASE|ROLE (${IDENTIFIER_PATTERN}) IN DATABASE) ${IDENTIFIER_PATTERN} SET (\\S+) TO (.*);$`,
  'gm',
);

/** Settings of the database, and of roles in it, which `pg_restore` brings with `--create` alone. */
export function settingsOf(entries: readonly TocEntry[]): Setting[] {
  const properties = entries.filter(({ kind }) => kind === 'DATABASE PROPERTIES');
  return properties.flatMap(({ definition }) =>
    [...definition.matchAll(SETTING)].map(([, role, name = '', value = '']) => {
      const items = [...value.matchAll(/E?'(?:[^']|'')*'/g)].map(([literal]) => textOf(literal));
      return {
        role: role === undefined ? undefined : unquoted(role),
        inDatabase: true,
        name: unquoted(name),
        // A list is stored as names, each in quotes where it needs them.
        value: items.length === 1 ? (items[0] ?? '') : items.map(quoteIdentifier).join(', '),
      };
    }),
  );
}
