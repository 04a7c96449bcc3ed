import type { QualifiedName } from '../inventory/sequences.js';
import { quotedNameOf, type TocEntry } from '../postgres/archive/toc-entry.js';
import { IDENTIFIER_PATTERN, quoteQualified, unquoted } from '../postgres/quoting.js';
import { type CatalogRows, hypertableName } from './catalog-rows.js';
import { qualifiedName } from './table-name.js';

/** Two identifiers with a dot between them, as `pg_dump` writes each name of a table; matches have both. */
export const NAME_PATTERN = `(${IDENTIFIER_PATTERN})\\.(${IDENTIFIER_PATTERN})`;

const ALTERED_TABLE = new RegExp(`^ALTER TABLE (?:ONLY )?${NAME_PATTERN}`);
const REFERENCED_TABLE = new RegExp(` REFERENCES ${NAME_PATTERN}\\(`);

/** The tables of an archive, and what depends on them. */
export class ArchivedTables {
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

/** @returns the OIDs of the tables that are hypertables */
export function hypertablesOf(catalog: CatalogRows, tables: ArchivedTables): Set<number> {
  return new Set(catalog('hypertable').flatMap((row) => tables.named(hypertableName(row))?.oid ?? []));
}

/** Versions that keep a chunk for compressed rows refer to it by its id; newer ones keep the relation's name. */
export function chunksOfCompressed(catalog: CatalogRows, tables: ArchivedTables): Map<number, number> {
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
