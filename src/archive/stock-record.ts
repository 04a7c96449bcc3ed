import { stat } from 'node:fs/promises';
import { nameSome } from '../check/finding.js';
import type { ConfigurationRelation, Extension } from '../inventory/extensions.js';
import type { Inventory } from '../inventory/inventory.js';
import type { LargeObject } from '../inventory/large-objects.js';
import type { Relation } from '../inventory/relations.js';
import type { Setting } from '../inventory/roles.js';
import type { QualifiedName, SequenceValue } from '../inventory/sequences.js';
import { findFileOfFolder } from '../postgres/archive/folder-file.js';
import type { Archive } from '../postgres/archive/open-archive.js';
import { quotedNameOf, type TocEntry } from '../postgres/archive/toc-entry.js';
import { HyperferryError } from '../postgres/error.js';
import { IDENTIFIER_PATTERN, quoteIdentifier, quoteQualified } from '../postgres/quoting.js';
import {
  HYPERTABLE_CATALOG,
  isMetadata,
  isTimescaleSchema,
  storesNullAsUnreadableValue,
} from '../timescale/timescale.js';
import { columnsOf, readRows, unquoted } from './archived-rows.js';
import { type CatalogRows, readCatalogRows } from './catalog-rows.js';
import type { DumpRecord } from './dump-record.js';
import { isOfExtension, isOfLargeObject } from './entry-kinds.js';
import { featuresOf } from './stock-features.js';
import { qualifiedName, shownName } from './table-name.js';

/**
 * What a restore needs to know, as far as an archive of `pg_dump` tells it: from its table of contents, and from the rows
 * of TimescaleDB's catalog. It does not tell roles, nor what its rows add up to.
 */
export async function stockRecord(archive: Archive): Promise<DumpRecord> {
  const tables = new Tables(archive.entries);
  refuseRowsAlone(archive, tables);
  refuseInserts(archive);
  const ofExtensions = archive.entries.filter(isOfExtension(archive.entries));
  const timescale = await readTimescale(archive, ofExtensions);
  const catalog = await readCatalogRows(archive);
  const hypertables = await readHypertables(archive, ofExtensions, tables);
  const inventory: Inventory = {
    ...unknownServer(archive),
    timescale,
    extensions: extensionsOf(archive.entries, ofExtensions, timescale?.version),
    schemas: ['public', ...archive.entries.filter(({ kind }) => kind === 'SCHEMA').map(({ tag }) => tag)],
    tablespaces: [...new Set(archive.entries.flatMap(({ tablespace }) => tablespace ?? []))],
    relations: await relationsOf(archive, tables, hypertables),
    definitions: {
      tableOf: tables.owners(['INDEX', 'CONSTRAINT']),
      foreignKeys: tables.foreignKeys(),
      relyingOnSearchPath: new Set(),
      invalidIndexes: [],
      disabledKeys: [],
    },
    sequences: archive.entries
      .filter(({ kind }) => kind === 'SEQUENCE')
      .map(({ schema = '', tag }) => ({ schema, name: tag })),
    largeObjects: archive.entries.flatMap(largeObjectsOf),
    populatedViews: new Set(
      archive.entries.filter(({ kind }) => kind === 'MATERIALIZED VIEW DATA').map(({ oid }) => oid),
    ),
    roles: { roles: [], memberships: [], settings: settingsOf(archive.entries), parameterGrants: [] },
    missingValues: [],
    ownJobs: [],
  };
  return {
    side: {
      name: archive.path,
      inventory,
      columns: new Map(),
      chunksOfCompressed: chunksOfCompressed(catalog, tables),
      notCompared: [],
      mode: 'counts',
      totals: new Map(),
      objects: undefined,
    },
    plainChunks: new Set(),
    features: featuresOf(catalog, archive.entries),
    sequenceValues: archive.entries.flatMap(sequenceValueOf),
    jobStarts: [],
    rolePasswords: new Map(),
    leftOut: archive.entries.filter(isLeftOut).map(({ kind, tag, definition }) => ({
      object: `${kind} ${tag}`,
      reason: 'a restore of an archive of pg_dump does not bring it',
      sql: definition,
    })),
  };
}

/** Of `pg_dump --data-only` and the like. Without definitions nobody knows what their rows are: tables, chunks, a catalog. */
function refuseRowsAlone({ path, entries }: Archive, tables: Tables): void {
  const isOurs = isOfExtension(entries);
  const alone = entries
    .filter((entry) => entry.kind === 'TABLE DATA' && !isOurs(entry))
    .map(({ schema = '', tag: name }) => ({ schema, name }))
    .filter((table) => !tables.named(table))
    // People know their own tables.
    .toSorted((a, b) => Number(isTimescaleSchema(a.schema)) - Number(isTimescaleSchema(b.schema)))
    .map(shownName);
  if (alone.length === 0) return;
  throw new HyperferryError(
    'ARCHIVE',
    `expected the definitions of ${nameSome(alone)} in ${path}, but the archive has their rows alone`,
    { hint: 'Dump again without --data-only (-a) and --section, or restore it with pg_restore --data-only.' },
  );
}

function refuseInserts({ path, entries }: Archive): void {
  const entry = entries.find(
    ({ kind, copyStatement }) => kind === 'TABLE DATA' && copyStatement === undefined,
  );
  if (!entry) return;
  const { schema = '', tag: name } = entry;
  throw new HyperferryError('ARCHIVE', `the rows of ${shownName({ schema, name })} in ${path} are SQL`, {
    hint: 'Restore it with pg_restore, or dump again without --inserts.',
  });
}

/** Versions that keep a chunk for compressed rows refer to it by its id; newer ones keep the relation's name. */
function chunksOfCompressed(catalog: CatalogRows, tables: Tables): Map<number, number> {
  const oidOf = (name: QualifiedName | undefined): number => (name && tables.named(name)?.oid) || 0;
  const chunks = new Map(
    catalog('chunk').map((chunk) => [
      chunk.id,
      { schema: chunk.schema_name ?? '', name: chunk.table_name ?? '' },
    ]),
  );
  const pairs = [
    ...catalog('chunk').map(({ id, compressed_chunk_id: compressed }) => [
      oidOf(chunks.get(compressed)),
      oidOf(chunks.get(id)),
    ]),
    ...catalog('compression_settings').map(({ relid = '', compress_relid: compressed = '' }) => [
      oidOf(qualifiedName(compressed)),
      oidOf(qualifiedName(relid)),
    ]),
  ] as [number, number][];
  return new Map(pairs.filter(([compressed, chunk]) => compressed !== 0 && chunk !== 0));
}

/** The tables of an archive, and what depends on them. */
class Tables {
  readonly #entries: readonly TocEntry[];
  readonly #byDumpId: ReadonlyMap<number, TocEntry>;
  readonly #byName: ReadonlyMap<string, TocEntry>;

  constructor(entries: readonly TocEntry[]) {
    this.#entries = entries;
    const tables = entries.filter(({ kind }) => kind === 'TABLE' || kind === 'MATERIALIZED VIEW');
    this.#byDumpId = new Map(tables.map((entry) => [entry.dumpId, entry]));
    this.#byName = new Map(tables.map((entry) => [quotedNameOf(entry), entry]));
  }

  named(name: { readonly schema: string; readonly name: string }): TocEntry | undefined {
    return this.#byName.get(quoteQualified(name));
  }

  /** The first of the tables that an entry needs. */
  neededBy({ dependencies }: TocEntry): TocEntry | undefined {
    return dependencies.flatMap((id) => this.#byDumpId.get(id) ?? [])[0];
  }

  /** The tables of indexes and constraints, by OID. */
  owners(kinds: readonly string[]): Map<number, number> {
    return new Map(
      this.#entries
        .filter(({ kind }) => kinds.includes(kind))
        .flatMap((entry) => {
          const table = this.neededBy(entry);
          return table ? [[entry.oid, table.oid] as const] : [];
        }),
    );
  }

  foreignKeys(): Map<number, { table: number; references: number }> {
    return new Map(
      this.#entries
        .filter(({ kind }) => kind === 'FK CONSTRAINT')
        .flatMap((entry) => {
          const [table, references] = [ALTERED_TABLE, REFERENCED_TABLE].map((pattern) =>
            this.#inDefinition(entry, pattern),
          );
          return table && references
            ? [[entry.oid, { table: table.oid, references: references.oid }] as const]
            : [];
        }),
    );
  }

  #inDefinition({ definition }: TocEntry, pattern: RegExp): TocEntry | undefined {
    const [, schema = '', name = ''] = pattern.exec(definition) ?? [];
    return this.named({ schema: unquoted(schema), name: unquoted(name) });
  }
}

const NAME = `(${IDENTIFIER_PATTERN})\\.(${IDENTIFIER_PATTERN})`;
const ALTERED_TABLE = new RegExp(`^ALTER TABLE (?:ONLY )?${NAME}`);
const REFERENCED_TABLE = new RegExp(` REFERENCES ${NAME}\\(`);
const COPIED_TABLE = new RegExp(`^COPY ${NAME}`);

async function relationsOf(
  archive: Archive,
  tables: Tables,
  hypertables: ReadonlySet<number>,
): Promise<Relation[]> {
  const sizes = await sizesOf(archive);
  const isOurs = isOfExtension(archive.entries);
  const relations = archive.entries
    .filter((entry) => entry.kind === 'TABLE DATA' && !isOurs(entry))
    .map((entry): Relation => {
      const { schema = '', tag: name, copyStatement = '', dumpId } = entry;
      const table = tables.named({ schema, name });
      const parent = table && tables.neededBy(table);
      const isHypertable = hypertables.has(table?.oid ?? 0);
      const isChunk = hypertables.has(parent?.oid ?? 0);
      const [, intoSchema = '', intoName = ''] = COPIED_TABLE.exec(copyStatement) ?? [];
      const into = { schema: unquoted(intoSchema), name: unquoted(intoName) };
      return {
        oid: table?.oid ?? 0,
        schema,
        name,
        kind: isHypertable ? 'hypertable' : isChunk || isCompressed(table) ? 'chunk' : 'table',
        parent: isChunk ? parent?.oid : undefined,
        fileNode: 0,
        bytes: sizes.get(dumpId) ?? 0,
        pages: 1,
        columns: [],
        format: 'text',
        loadThrough: quoteQualified(into) === quoteQualified({ schema, name }) ? undefined : into,
      };
    });
  const empty = archive.entries
    .filter(({ kind, relationKind }) => kind === 'TABLE' && relationKind === 'p')
    .map(
      ({ oid, schema = '', tag: name }): Relation => ({
        ...{ oid, schema, name, kind: 'partitioned', parent: undefined, fileNode: 0, bytes: 0, pages: 0 },
        ...{ columns: [], format: 'text', loadThrough: undefined },
      }),
    );
  return [...relations, ...empty];
}

/** The relation that holds a chunk's compressed rows. */
function isCompressed(table: TocEntry | undefined): boolean {
  return /^\s+\S.* _timescaledb_internal\.compressed_data\b/m.test(table?.definition ?? '');
}

/** Bytes of the rows of each entry: of files as they lie on disk, in one file up to where the next ones begin. */
async function sizesOf({ path, entries, blocks }: Archive): Promise<Map<number, number>> {
  const sizes = new Map<number, number>();
  if (!blocks) {
    for (const { kind, dumpId, data } of entries) {
      if (kind === 'TABLE DATA' && data.at === 'file')
        sizes.set(dumpId, findFileOfFolder(path, data.name).bytes);
    }
    return sizes;
  }
  const positions = entries
    .flatMap(({ dumpId, data }) => (data.at === 'position' ? [{ dumpId, position: data.position }] : []))
    .sort((a, b) => a.position - b.position);
  const end = (await stat(path)).size;
  for (const [at, { dumpId, position }] of positions.entries()) {
    sizes.set(dumpId, (positions[at + 1]?.position ?? end) - position);
  }
  return sizes;
}

async function readTimescale(
  archive: Archive,
  ofExtensions: readonly TocEntry[],
): Promise<Inventory['timescale']> {
  const extension = archive.entries.find(({ kind, tag }) => kind === 'EXTENSION' && tag === 'timescaledb');
  if (!extension) return undefined;
  const metadata = ofExtensions.find(({ schema = '', tag: name }) => isMetadata({ schema, name }));
  const rows = metadata ? await readRows(archive, metadata) : [];
  const version = rows.find(({ key }) => key === 'timescaledb_version')?.value;
  if (!version) {
    throw new HyperferryError(
      'ARCHIVE',
      `expected the version of TimescaleDB in its catalog in ${archive.path}, but the archive does not have it`,
      {
        hint: 'Hyperferry restores archives of whole databases. Make one with hyperferry dump, or restore this one with pg_restore.',
      },
    );
  }
  return {
    version,
    schema: schemaOfExtension(extension.definition),
    isOwned: true,
    storesNullAsUnreadableValue: storesNullAsUnreadableValue(version),
  };
}

/** @returns the OIDs of their tables */
async function readHypertables(
  archive: Archive,
  ofExtensions: readonly TocEntry[],
  tables: Tables,
): Promise<Set<number>> {
  const entry = ofExtensions.find(
    ({ schema, tag }) => schema === HYPERTABLE_CATALOG.schema && tag === HYPERTABLE_CATALOG.name,
  );
  const rows = entry ? await readRows(archive, entry) : [];
  return new Set(
    rows.flatMap(
      ({ schema_name: schema = '', table_name: name = '' }) => tables.named({ schema, name })?.oid ?? [],
    ),
  );
}

/** Each after those that it requires. Versions stand in TimescaleDB's catalog alone. */
function extensionsOf(
  entries: readonly TocEntry[],
  ofExtensions: readonly TocEntry[],
  timescaleVersion: string | undefined,
): Extension[] {
  const configuration = configurationOf(entries, ofExtensions);
  const extensions = entries.filter(({ kind }) => kind === 'EXTENSION');
  return extensions.map((extension) => ({
    name: extension.tag,
    version: extension.tag === 'timescaledb' ? (timescaleVersion ?? '') : '',
    schema: schemaOfExtension(extension.definition),
    requires: [],
    configuration: configuration.filter((relation) => holderOf(relation, extensions) === extension),
  }));
}

function schemaOfExtension(definition: string): string {
  return unquoted(/ WITH SCHEMA (.*);\s*$/.exec(definition)?.[1] ?? 'public');
}

/**
 * The extension that a relation is most likely of, which an archive does not tell: the newest of those that are older.
 * An extension gets its OID before what its script makes.
 */
function holderOf(
  { schema, oid }: ConfigurationRelation,
  extensions: readonly TocEntry[],
): TocEntry | undefined {
  const timescale = extensions.find(({ tag }) => tag === 'timescaledb');
  if (timescale && isTimescaleSchema(schema)) return timescale;
  const others = extensions.filter((extension) => extension !== timescale);
  const older = others.filter((extension) => extension.oid < oid).toSorted((a, b) => b.oid - a.oid);
  return older[0] ?? others[0] ?? timescale;
}

function configurationOf(
  entries: readonly TocEntry[],
  ofExtensions: readonly TocEntry[],
): ConfigurationRelation[] {
  const sequences = new Set(entries.filter(({ kind }) => kind === 'SEQUENCE').map(quotedNameOf));
  const tables = ofExtensions.map((entry): ConfigurationRelation => {
    const { oid, schema = '', tag: name } = entry;
    return { oid, schema, name, kind: 'table', condition: '', columns: columnsOf(entry) };
  });
  const values = entries
    .filter((entry) => entry.kind === 'SEQUENCE SET' && !sequences.has(quotedNameOf(entry)))
    .map(
      ({ oid, schema = '', tag: name }): ConfigurationRelation => ({
        ...{ oid, schema, name, kind: 'sequence', condition: '', columns: [] },
      }),
    );
  return [...tables, ...values];
}

function sequenceValueOf({ kind, definition, schema = '', tag: name }: TocEntry): SequenceValue[] {
  const [, lastValue, isCalled] = /, (-?\d+), (true|false)\);\s*$/.exec(definition) ?? [];
  if (kind !== 'SEQUENCE SET' || lastValue === undefined) return [];
  return [{ schema, name, lastValue, isCalled: isCalled === 'true' }];
}

/** Up to format 1.15 each has an entry; from 1.16 on one has the OIDs of up to a thousand. */
function largeObjectsOf({ kind, tag, definition, owner = '' }: TocEntry): LargeObject[] {
  const oids = kind === 'BLOB' ? [tag] : kind === 'BLOB METADATA' ? definition.split('\n') : [];
  return oids
    .filter((oid) => oid !== '')
    .map((oid) => ({ oid: Number(oid), owner, comment: null, grants: [] }));
}

/** What an archive tells of the server and of the database itself, and what a new one has. */
function unknownServer({
  header,
  entries,
}: Archive): Pick<Inventory, 'server' | 'database' | 'availableVersions'> {
  const [, major = '0', minor = '0'] = /^(\d+)(?:\.(\d+))?/.exec(header.serverVersion ?? '') ?? [];
  const database = entries.find(({ kind }) => kind === 'DATABASE');
  const properties = entries
    .filter(({ kind }) => kind === 'DATABASE PROPERTIES')
    .map(({ definition }) => definition)
    .join('\n');
  const encoding = / ENCODING = '([^']*)'/.exec(database?.definition ?? '')?.[1];
  return {
    server: {
      version: Number(major) * 10_000 + Number(minor),
      major: Number(major),
      database: header.database ?? database?.tag ?? '',
      databaseOid: database?.oid ?? 0,
      encoding: encoding ?? 'UTF8',
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

/** Grants on the database, and what is said of large objects. */
function isLeftOut({ kind, tag }: TocEntry): boolean {
  return (kind === 'ACL' && tag.startsWith('DATABASE ')) || isOfLargeObject({ kind, tag });
}

function commentOf(entries: readonly TocEntry[]): string | null {
  const entry = entries.find(({ kind, tag }) => kind === 'COMMENT' && tag.startsWith('DATABASE '));
  const literal = / IS (E?'.*');\s*$/s.exec(entry?.definition ?? '')?.[1];
  return literal === undefined ? null : textOf(literal);
}

const SETTING = new RegExp(
  `^ALTER (?:DATABASE|ROLE (${IDENTIFIER_PATTERN}) IN DATABASE) ${IDENTIFIER_PATTERN} SET (\\S+) TO (.*);$`,
  'gm',
);

/** Settings of the database, and of roles in it, which `pg_restore` brings with `--create` alone. */
function settingsOf(entries: readonly TocEntry[]): Setting[] {
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

/** The text of a literal. */
function textOf(literal: string): string {
  const isEscaped = literal.startsWith('E');
  const quoted = literal.slice(isEscaped ? 2 : 1, -1).replaceAll("''", "'");
  return isEscaped ? quoted.replaceAll('\\\\', '\\') : quoted;
}
