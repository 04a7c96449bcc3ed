import { mayBeOver } from '../timescale/timescale.js';

/** What of a list of columns is a filter over batches of compressed rows, and what has hashes that are those of OIDs. */
export interface HashedColumns {
  readonly filters: ReadonlySet<string>;
  readonly hashingOids: ReadonlySet<string>;
}

interface Column {
  readonly name: string;
  readonly foreignFilterOf?: { readonly schema: string; readonly name: string };
}

interface Relation<C> {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly parent: number | undefined;
  readonly columns: readonly C[];
}

/**
 * Marks the filters in which another server's hashes would not find values.
 *
 * @param hashed what is known of lists of columns, each of which many relations share
 * @param chunkOf the chunk of each relation that holds compressed rows, by OID
 */
export function markForeignFilters<C extends Column, R extends Relation<C>>(
  relations: readonly R[],
  hashed: ReadonlyMap<readonly C[], HashedColumns>,
  chunkOf: ReadonlyMap<number, number>,
): R[] {
  const byOid = new Map(relations.map((relation) => [relation.oid, relation]));
  const marked = new Map<readonly C[], Map<R, readonly C[]>>();
  return relations.map((relation) => {
    const chunk = byOid.get(chunkOf.get(relation.oid) ?? 0);
    const { filters } = hashed.get(relation.columns) ?? {};
    if (!chunk || !filters || filters.size === 0) return relation;
    // Those of one hypertable share the list, which so is in memory once.
    const hypertable = byOid.get(chunk.parent ?? 0) ?? chunk;
    const ofList = marked.get(relation.columns) ?? new Map<R, readonly C[]>();
    marked.set(relation.columns, ofList);
    const columns =
      ofList.get(hypertable) ?? withMarks(relation.columns, { filters, chunk, hypertable, hashed });
    ofList.set(hypertable, columns);
    return { ...relation, columns };
  });
}

interface Marking<C> {
  readonly filters: ReadonlySet<string>;
  readonly chunk: Relation<C>;
  readonly hypertable: Relation<C>;
  readonly hashed: ReadonlyMap<readonly C[], HashedColumns>;
}

function withMarks<C extends Column>(
  columns: readonly C[],
  { filters, chunk, hypertable, hashed }: Marking<C>,
): readonly C[] {
  const hashingOids = hashed.get(chunk.columns)?.hashingOids ?? new Set();
  if (hashingOids.size === 0) return columns;
  const names = chunk.columns.map(({ name }) => name);
  const hashing = [...hashingOids];
  const { schema, name } = hypertable;
  return columns.map((column) => {
    const isForeign = filters.has(column.name) && hashing.some((one) => mayBeOver(column.name, one, names));
    return isForeign ? { ...column, foreignFilterOf: { schema, name } } : column;
  });
}
