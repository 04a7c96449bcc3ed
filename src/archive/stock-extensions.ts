import type { ConfigurationRelation, Extension } from '../inventory/extensions.js';
import type { Inventory } from '../inventory/inventory.js';
import { copiedColumns } from '../postgres/archive/copied-columns.js';
import type { Archive } from '../postgres/archive/open-archive.js';
import { quotedNameOf, type TocEntry } from '../postgres/archive/toc-entry.js';
import { HyperferryError } from '../postgres/error.js';
import { unquoted } from '../postgres/quoting.js';
import { isMetadata, isTimescaleSchema, storesNullAsUnreadableValue } from '../timescale/timescale.js';
import { readRows } from './archived-rows.js';

/**
 * TimescaleDB as the archive has it; undefined without it.
 * @param ofExtensions the entries of rows of extensions' tables
 * @throws HyperferryError `ARCHIVE` where the catalog, and so its version, is not in the archive
 */
export async function readTimescale(
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

/** Each after those that it requires. Versions stand in TimescaleDB's catalog alone. */
export function extensionsOf(
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
    return { oid, schema, name, kind: 'table', condition: '', columns: copiedColumns(entry) };
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
