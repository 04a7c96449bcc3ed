import type { Inventory } from '../inventory/inventory.js';
import type { Relation } from '../inventory/relations.js';
import type { TocEntry } from '../postgres/archive/toc-entry.js';
import { HyperferryError } from '../postgres/error.js';
import { quoteQualified } from '../postgres/quoting.js';
import type { ArchivedRow } from './archived-rows.js';
import { type CatalogRows, hypertableName } from './catalog-rows.js';
import type { DumpRecord } from './dump-record.js';
import { shownName } from './table-name.js';

/** The tables with their partitions, chunks, and what holds compressed rows, by OID. */
export function withParts(
  named: readonly Relation[],
  entries: readonly TocEntry[],
  { side: { inventory, chunksOfCompressed } }: DumpRecord,
  catalog: CatalogRows,
): Set<number> {
  const kept = new Set(named.map(({ oid }) => oid));
  const partitions = partitionsOf(entries);
  const compressed = compressedHypertables(inventory, catalog);
  const isPart = ({ oid, parent }: Relation): boolean =>
    [parent, chunksOfCompressed.get(oid), partitions.get(oid), compressed.get(oid)].some(
      (whole) => whole !== undefined && kept.has(whole),
    );
  for (let size = -1; size !== kept.size; ) {
    size = kept.size;
    for (const relation of inventory.relations) if (isPart(relation)) kept.add(relation.oid);
  }
  return kept;
}

/** The partitioned tables of partitions, both by OID. */
function partitionsOf(entries: readonly TocEntry[]): Map<number, number> {
  const tables = new Map(
    entries.filter(({ kind }) => kind === 'TABLE').map((entry) => [entry.dumpId, entry]),
  );
  return new Map(
    entries
      .filter(({ kind }) => kind === 'TABLE ATTACH')
      .flatMap(({ schema, tag, dependencies }) => {
        const both = dependencies.flatMap((id) => tables.get(id) ?? []);
        const partition = both.find((table) => table.schema === schema && table.tag === tag);
        const whole = both.find((table) => table !== partition);
        return partition && whole ? [[partition.oid, whole.oid] as const] : [];
      }),
  );
}

/** The hypertables whose compressed rows other hypertables hold, both by OID, in versions that have such. */
function compressedHypertables(inventory: Inventory, catalog: CatalogRows): Map<number, number> {
  const rows = new Map(catalog('hypertable').map((row) => [row.id, row]));
  const oids = new Map(inventory.relations.map((relation) => [quoteQualified(relation), relation.oid]));
  const oidOf = (row: ArchivedRow | undefined): number | undefined =>
    row && oids.get(quoteQualified(hypertableName(row)));
  return new Map(
    [...rows.values()].flatMap((row) => {
      const [whole, part] = [oidOf(row), oidOf(rows.get(row.compressed_hypertable_id))];
      return whole !== undefined && part !== undefined ? [[part, whole] as const] : [];
    }),
  );
}

/**
 * Rows of such a partition go through the partitioned table, since another server may place them elsewhere.
 * @throws HyperferryError `USAGE`
 */
export function refuseSharedPartitions(
  relations: readonly Relation[],
  kept: ReadonlySet<number>,
  inventory: Inventory,
): void {
  const roots = new Set(inventory.relations.filter(({ oid }) => kept.has(oid)).map(quoteQualified));
  const alone = relations.find(({ loadThrough }) => loadThrough && !roots.has(quoteQualified(loadThrough)));
  if (!alone?.loadThrough) return;
  throw new HyperferryError(
    'USAGE',
    `expected a whole table, but the rows of ${shownName(alone)} may be those of another partition on the target`,
    { hint: `Name the whole: --only ${shownName(alone.loadThrough)}` },
  );
}
