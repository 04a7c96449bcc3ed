import type { Inventory } from '../inventory/inventory.js';
import type { Relation } from '../inventory/relations.js';
import { HyperferryError } from '../postgres/error.js';

/** Whether a table's name matches a pattern, in which `*` and `?` stand for any characters and any one. */
export function matchesPattern(
  { schema, name }: { readonly schema: string; readonly name: string },
  pattern: string,
): boolean {
  const expression = new RegExp(
    `^${pattern
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
    's',
  );
  return expression.test(name) || expression.test(`${schema}.${name}`);
}

/** @throws HyperferryError `USAGE`: nothing is equal to nothing, and a name that was mistyped would prove all */
export function refuseUnknownTables(pattern: string | undefined, isFound: boolean): void {
  if (pattern === undefined || isFound) return;
  throw new HyperferryError(
    'USAGE',
    `expected tables for --tables, but neither side has one of the name ${pattern}`,
    {
      hint: 'Name tables as they are written, with or without a schema: --tables public.reading, --tables "read*".',
    },
  );
}

/** Chunks go with their hypertable, also those that hold compressed rows; partitions have names of their own. */
export function relationMatcher(
  pattern: string,
  inventory: Inventory,
  chunkOfCompressed: ReadonlyMap<number, number>,
): (relation: Relation) => boolean {
  const byOid = new Map(inventory.relations.map((relation) => [relation.oid, relation]));
  return (relation) => {
    const chunk = byOid.get(chunkOfCompressed.get(relation.oid) ?? relation.oid) ?? relation;
    const hypertable = chunk.parent === undefined ? undefined : byOid.get(chunk.parent);
    return matchesPattern(hypertable ?? chunk, pattern);
  };
}
