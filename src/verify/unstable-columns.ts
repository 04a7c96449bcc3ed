import type { Inventory } from '../inventory/inventory.js';
import type { LeftOut } from '../plan/left-out.js';
import { isCompressedData } from '../timescale/timescale.js';
import type { ColumnsByRelation, ComparedColumn } from './columns.js';

/**
 * Leaves out columns of compressed rows that are not the same on another server though what they stand for is: values
 * stored in a binary form that holds OIDs, as a compressed array or composite of the user's types is; and filters over
 * hashes of OIDs.
 *
 * @param chunkOf the chunk of each relation that holds compressed rows, by OID
 */
export function withoutOids(
  columns: ColumnsByRelation,
  { relations }: Inventory,
  chunkOf: ReadonlyMap<number, number>,
): { readonly columns: ColumnsByRelation; readonly notCompared: readonly LeftOut[] } {
  if (chunkOf.size === 0) return { columns, notCompared: [] };
  const byOid = new Map(relations.map((relation) => [relation.oid, relation]));
  const kept = new Map(columns);
  const left = new Map<string, Set<string>>();
  // Chunks share the list of their hypertable, and what is made of it.
  const narrowed = new Map<readonly ComparedColumn[], Map<string, readonly ComparedColumn[]>>();
  for (const [compressed, chunk] of chunkOf) {
    const relation = byOid.get(chunk);
    const filters = byOid.get(compressed)?.columns.filter(({ foreignFilterOf }) => foreignFilterOf) ?? [];
    const values = relation?.columns.filter(({ holdsOids }) => holdsOids) ?? [];
    if (!relation || values.length + filters.length === 0) continue;
    const [filterNames, valueNames] = [namesOf(filters), namesOf(values)];
    const all = columns.get(compressed) ?? [];
    // What chunks are segmented by is stored as it is.
    const isValue = ({ name, type }: ComparedColumn): boolean =>
      valueNames.has(name) && isCompressedData(type);
    const ofList = narrowed.get(all) ?? new Map<string, readonly ComparedColumn[]>();
    narrowed.set(all, ofList);
    const key = JSON.stringify([...valueNames, ...filterNames]);
    const rest = ofList.get(key) ?? all.filter((column) => !isValue(column) && !filterNames.has(column.name));
    ofList.set(key, rest);
    kept.set(compressed, rest);
    const hypertable = byOid.get(relation.parent ?? relation.oid) ?? relation;
    const label = `${hypertable.schema}.${hypertable.name}`;
    const names = all.filter(isValue).map(({ name }) => name);
    if (names.length > 0) left.set(label, new Set([...(left.get(label) ?? []), ...names]));
  }
  return {
    columns: kept,
    notCompared: [...left].map(([hypertable, names]) => ({
      object: `compressed values of ${[...names].join(', ')} of ${hypertable}`,
      reason: 'they are stored with OIDs; their values are compared through SQL: hyperferry verify --logical',
    })),
  };
}

function namesOf(columns: readonly { readonly name: string }[]): ReadonlySet<string> {
  return new Set(columns.map(({ name }) => name));
}
