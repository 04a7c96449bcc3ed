import type { TocEntry } from '../postgres/archive/archive-toc.js';
import { IDENTIFIER_PATTERN, quoteIdentifier, quoteQualified } from '../postgres/quoting.js';
import { describeEntry } from './division.js';
import type { OwnerMap } from './owner-map.js';
import type { Statement } from './statement.js';

/**
 * The kinds whose owner is set by a command of its own: the others have none, or their table's.
 * Source: _getObjectDescription() in PostgreSQL's src/bin/pg_dump/pg_backup_archiver.c.
 */
const OWNED_KINDS = new Set([
  ...[
    'COLLATION',
    'CONVERSION',
    'DOMAIN',
    'FOREIGN TABLE',
    'MATERIALIZED VIEW',
    'SEQUENCE',
    'STATISTICS',
    'TABLE',
  ],
  ...[
    'TEXT SEARCH DICTIONARY',
    'TEXT SEARCH CONFIGURATION',
    'TYPE',
    'VIEW',
    'ACCESS METHOD',
    'EVENT TRIGGER',
  ],
  ...['FOREIGN DATA WRAPPER', 'SERVER', 'SCHEMA', 'PUBLICATION', 'SUBSCRIPTION', 'PROCEDURAL LANGUAGE'],
  ...['AGGREGATE', 'FUNCTION', 'OPERATOR', 'OPERATOR CLASS', 'OPERATOR FAMILY', 'PROCEDURE'],
]);

/** The command that makes an entry, in the tablespace and by the access method that the archive names. */
export function definitionOf(entry: TocEntry, tablespaces: ReadonlySet<string>): Statement {
  // The extensions stage may have made the schema already, and `public` is there from the beginning.
  const definition =
    entry.kind === 'SCHEMA'
      ? entry.definition.replace(/^CREATE SCHEMA /, 'CREATE SCHEMA IF NOT EXISTS ')
      : entry.definition;
  const settings: { name: string; value: string; before: string }[] = [];
  if (entry.tablespace && tablespaces.has(entry.tablespace)) {
    settings.push({ name: 'default_tablespace', value: entry.tablespace, before: "''" });
  }
  const { accessMethod } = entry;
  const isPartitioned = entry.relationKind === 'p';
  if (accessMethod && accessMethod !== 'heap' && !isPartitioned) {
    settings.push({ name: 'default_table_access_method', value: accessMethod, before: 'heap' });
  }
  return {
    sql: [
      ...settings.map(({ name, value }) => `SET ${name} = ${quoteIdentifier(value)};\n`),
      definition,
      ...(accessMethod && isPartitioned ? [setAccessMethod(entry, accessMethod)] : []),
      ...settings.map(({ name, before }) => `SET ${name} = ${before};\n`),
    ].join(''),
    object: describeEntry(entry),
    undo: undoOf(entry),
    isSecret: HOLDING_SECRETS.has(entry.kind),
  };
}

/**
 * A partitioned table keeps an access method for its partitions, and does not take the default one.
 * Source: _printTableAccessMethodNoStorage() in PostgreSQL's src/bin/pg_dump/pg_backup_archiver.c.
 */
function setAccessMethod({ schema = '', tag }: TocEntry, accessMethod: string): string {
  return `ALTER TABLE ${quoteQualified({ schema, name: tag })} SET ACCESS METHOD ${quoteIdentifier(accessMethod)};\n`;
}

const NAME = IDENTIFIER_PATTERN;

/** `ALTER PUBLICATION p ADD TABLE ONLY s.t (columns) WHERE …;` and `… ADD TABLES IN SCHEMA s;` */
const PUBLISHED = new RegExp(
  `^(ALTER PUBLICATION ${NAME}) ADD (TABLE ONLY ${NAME}\\.${NAME}|TABLES IN SCHEMA ${NAME})`,
);

const ATTACHED = new RegExp(`^(ALTER TABLE ONLY ${NAME}\\.${NAME}) ATTACH (PARTITION ${NAME}\\.${NAME})`);

/**
 * The command that takes an entry back, where there is one. What a command before has dropped with it is passed over, as
 * `pg_restore --if-exists` does (RestoreArchive() in PostgreSQL's src/bin/pg_dump/pg_backup_archiver.c).
 */
function undoOf(entry: TocEntry): string | undefined {
  const { kind, definition, dropStatement } = entry;
  if (kind === 'ACL' || kind === 'DEFAULT ACL') return undoOfGrants(definition);
  if (kind === 'COMMENT' || kind === 'SECURITY LABEL') return undoOfComment(definition);
  const published = PUBLISHED.exec(definition);
  if (published) return `${published[1]} DROP ${published[2]};`;
  const attached = ATTACHED.exec(definition);
  if (attached) return `${attached[1]} DETACH ${attached[2]};`;
  // It would drop the slot on the publisher, which the source's own subscription uses.
  if (kind === 'SUBSCRIPTION') return undefined;
  if (dropStatement === '') return undoOfPartitionIndex(entry);
  if (dropStatement.startsWith('ALTER TABLE')) {
    return dropStatement
      .replace(/^ALTER TABLE /, 'ALTER TABLE IF EXISTS ')
      .replace(' DROP CONSTRAINT ', ' DROP CONSTRAINT IF EXISTS ');
  }
  return dropStatement.replace(`DROP ${kind} `, `DROP ${kind} IF EXISTS `);
}

const TEXT = '(?:"(?:[^"]|"")*"|[^";])';

/** What one grantor gave may stand together, between `SET SESSION AUTHORIZATION` and its end. */
const GRANTED = new RegExp(
  `(SET SESSION AUTHORIZATION ${TEXT}+;\n)|(RESET SESSION AUTHORIZATION;)|(ALTER DEFAULT PRIVILEGES ${TEXT}+? )?(GRANT|REVOKE) (${TEXT}+) (?:TO|FROM) (${NAME})(?: WITH GRANT OPTION)?;`,
  'g',
);

/** What was given is taken and what was taken is given, the last first: another may have got it from whom it was given to. */
function undoOfGrants(definition: string): string {
  const undone: string[] = [];
  let grantor = '';
  for (const [, become, reset, byDefault = '', verb, what, role] of definition.matchAll(GRANTED)) {
    if (become || reset) {
      grantor = become ?? '';
    } else {
      const undo = verb === 'GRANT' ? `REVOKE ${what} FROM ${role};` : `GRANT ${what} TO ${role};`;
      undone.push(`${grantor}${byDefault}${undo}${grantor === '' ? '' : '\nRESET SESSION AUTHORIZATION;'}`);
    }
  }
  return undone.reverse().join('\n');
}

const COMMENTED = /^((?:COMMENT|SECURITY LABEL) (?:"(?:[^"]|"")*"|[^"'])+ IS )E?'/;

function undoOfComment(definition: string): string | undefined {
  const match = COMMENTED.exec(definition);
  return match ? `${match[1]}NULL;` : undefined;
}

const CONSTRAINED = new RegExp(`^ALTER TABLE (ONLY ${NAME}\\.${NAME})\\s+ADD (CONSTRAINT ${NAME}) `);

/** pg_dump writes none for an index of a partition, since one that is attached goes with its parent's. */
function undoOfPartitionIndex({ kind, definition, schema = '', tag }: TocEntry): string | undefined {
  if (kind === 'INDEX') return `DROP INDEX IF EXISTS ${quoteIdentifier(schema)}.${quoteIdentifier(tag)};`;
  const match = kind === 'CONSTRAINT' ? CONSTRAINED.exec(definition) : null;
  return match
    ? `ALTER TABLE IF EXISTS ${match[1]} DROP ${match[2]?.replace('CONSTRAINT ', 'CONSTRAINT IF EXISTS ')};`
    : undefined;
}

/** Their connection strings and options may hold passwords. */
const HOLDING_SECRETS = new Set(['SUBSCRIPTION', 'USER MAPPING', 'SERVER']);

/** The command that gives an entry's object to its owner, if its kind has one. */
export function ownershipOf(entry: TocEntry, owners: OwnerMap): Statement | undefined {
  // For `public`, which initdb makes, pg_dump writes no command that drops it; for a base type, one that cascades.
  const drop = /^DROP (.*?)(?: CASCADE)?;\s*$/s.exec(entry.dropStatement)?.[1];
  const object = entry.kind === 'SCHEMA' ? `SCHEMA ${quoteIdentifier(entry.tag)}` : drop;
  if (!entry.owner || !object || !OWNED_KINDS.has(entry.kind)) return undefined;
  return {
    sql: `ALTER ${object} OWNER TO ${quoteIdentifier(owners.ownerOf(entry.owner))};\n`,
    object: `owner of ${describeEntry(entry)}`,
  };
}
