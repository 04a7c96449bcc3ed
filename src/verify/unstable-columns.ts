import type { Inventory } from '../inventory/inventory.js';
import type { LeftOut } from '../plan/left-out.js';
import type { ColumnsByRelation } from './columns.js';

/**
 * Leaves out columns of compressed rows that are not the same on another server though their values are: a compressed
 * array or composite of the user's types is stored in the binary form of its elements, which holds the types' OIDs.
 *
 * @param chunkOf the chunk of each relation that holds compressed rows, by OID
 */
export function withoutTypeOids(
  columns: ColumnsByRelation,
  { relations }: Inventory,
  chunkOf: ReadonlyMap<number, number>,
): { readonly columns: ColumnsByRelation; readonly notCompared: readonly LeftOut[] } {
  if (chunkOf.size === 0) return { columns, notCompared: [] };
  const byOid = new Map(relations.map((relation) => [relation.oid, relation]));
  const kept = new Map(columns);
  const left = new Map<string, Set<string>>();
  for (const [compressed, chunk] of chunkOf) {
    const relation = byOid.get(chunk);
    const names = new Set(
      relation?.columns.filter(({ holdsTypeOids }) => holdsTypeOids).map(({ name }) => name),
    );
    if (!relation || names.size === 0) continue;
    kept.set(
      compressed,
      (columns.get(compressed) ?? []).filter(({ name }) => !names.has(name)),
    );
    const hypertable = byOid.get(relation.parent ?? relation.oid) ?? relation;
    const label = `${hypertable.schema}.${hypertable.name}`;
    left.set(label, new Set([...(left.get(label) ?? []), ...names]));
  }
  return {
    columns: kept,
    notCompared: [...left].map(([hypertable, names]) => ({
      object: `compressed values of ${[...names].join(', ')} of ${hypertable}`,
      reason:
        "they are stored with the OIDs of the user's types; their values are compared through SQL: hyperferry verify --logical",
    })),
  };
}
