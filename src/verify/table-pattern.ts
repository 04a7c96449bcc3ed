import type { Inventory } from '../inventory/inventory.js';
import type { Relation } from '../inventory/relations.js';
import { nameOf } from './compared-relation.js';

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
  return expression.test(name) || expression.test(nameOf({ schema, name }));
}

/** Chunks go with their hypertable, partitions also by their own name. */
export function relationMatcher(pattern: string): (relation: Relation, inventory: Inventory) => boolean {
  const parents = new WeakMap<Inventory, ReadonlyMap<number, Relation>>();
  return (relation, inventory) => {
    const byOid = parents.get(inventory) ?? new Map(inventory.relations.map((one) => [one.oid, one]));
    parents.set(inventory, byOid);
    const parent = relation.parent === undefined ? undefined : byOid.get(relation.parent);
    return matchesPattern(parent ?? relation, pattern);
  };
}
