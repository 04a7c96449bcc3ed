import { nameSome } from '../check/finding.js';
import type { Inventory } from '../inventory/inventory.js';
import type { SequenceValue } from '../inventory/sequences.js';
import type { Archive } from '../postgres/archive/open-archive.js';
import type { TocEntry } from '../postgres/archive/toc-entry.js';
import { HyperferryError } from '../postgres/error.js';
import { isTimescaleSchema } from '../timescale/timescale.js';
import { readCatalogRows } from './catalog-rows.js';
import type { DumpRecord } from './dump-record.js';
import { isOfExtension, isOfLargeObject } from './entry-kinds.js';
import { expectReadableText } from './expect-readable-text.js';
import { settingsOf, unknownServer } from './stock-database.js';
import { extensionsOf, readTimescale } from './stock-extensions.js';
import { featuresOf } from './stock-features.js';
import { stockLargeObjects } from './stock-large-objects.js';
import { refusePartsOfHypertables, refuseStatisticsAlone } from './stock-parts.js';
import { relationsOf } from './stock-relations.js';
import { ArchivedTables, chunksOfCompressed, hypertablesOf } from './stock-tables.js';
import { shownName } from './table-name.js';

/**
 * What a restore needs to know, as far as an archive of `pg_dump` tells it: from its table of contents, and from the rows
 * of TimescaleDB's catalog. It does not tell roles, nor what its rows add up to.
 */
export async function stockRecord(archive: Archive): Promise<DumpRecord> {
  const tables = new ArchivedTables(archive.entries);
  expectReadableText(archive);
  refuseStatisticsAlone(archive);
  refuseRowsAlone(archive, tables);
  refuseInserts(archive);
  const ofExtensions = archive.entries.filter(isOfExtension(archive.entries));
  const timescale = await readTimescale(archive, ofExtensions);
  const catalog = await readCatalogRows(archive);
  refusePartsOfHypertables(archive, catalog);
  const inventory: Inventory = {
    ...unknownServer(archive),
    timescale,
    extensions: extensionsOf(archive.entries, ofExtensions, timescale?.version),
    schemas: ['public', ...archive.entries.filter(({ kind }) => kind === 'SCHEMA').map(({ tag }) => tag)],
    tablespaces: [...new Set(archive.entries.flatMap(({ tablespace }) => tablespace ?? []))],
    relations: await relationsOf(archive, tables, hypertablesOf(catalog, tables)),
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
    largeObjects: stockLargeObjects(archive.entries),
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
function refuseRowsAlone({ path, entries }: Archive, tables: ArchivedTables): void {
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

function sequenceValueOf({ kind, definition, schema = '', tag: name }: TocEntry): SequenceValue[] {
  const [, lastValue, isCalled] = /, (-?\d+), (true|false)\);\s*$/.exec(definition) ?? [];
  if (kind !== 'SEQUENCE SET' || lastValue === undefined) return [];
  return [{ schema, name, lastValue, isCalled: isCalled === 'true' }];
}

/** Grants on the database, and labels of large objects. */
function isLeftOut({ kind, tag }: TocEntry): boolean {
  return (
    (kind === 'ACL' && tag.startsWith('DATABASE ')) ||
    (kind === 'SECURITY LABEL' && isOfLargeObject({ kind, tag }))
  );
}
