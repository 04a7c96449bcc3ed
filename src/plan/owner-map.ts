import type { Inventory } from '../inventory/inventory.js';
import type { LeftOut } from './left-out.js';

/** Who owns on the target what a role owns on the source. */
export interface OwnerMap {
  ownerOf(role: string): string;
  /** Owners that are replaced though nobody asked for it. */
  readonly leftOut: readonly LeftOut[];
}

/**
 * An owner keeps its name, unless `roleMap` gives another, or the target cannot have it: `postgres` where the
 * connecting role is no superuser, and roles that are neither there nor made.
 *
 * @param owners the roles that own something on the source
 */
export function mapOwners(
  owners: Iterable<string>,
  roleMap: Readonly<Record<string, string>>,
  source: Inventory,
  target: Inventory,
): OwnerMap {
  const { role, isSuperuser } = target.server;
  const there = new Set(target.roles.roles.map(({ name }) => name));
  const made = new Set(source.roles.roles.map(({ name }) => name).filter((name) => name !== 'postgres'));
  const replaced = new Map(Object.entries(roleMap));
  const leftOut: LeftOut[] = [];
  const cannotOwn = (owner: string): boolean => {
    if (owner.startsWith('pg_')) return false; // the server's own
    if (owner === 'postgres' && !isSuperuser && role !== owner) return true;
    return !there.has(owner) && !made.has(owner);
  };
  for (const owner of new Set(owners)) {
    if (!replaced.has(owner) && cannotOwn(owner)) {
      replaced.set(owner, role);
      leftOut.push({
        object: `ownership of ${owner}`,
        reason: `the target cannot give anything to ${owner}; ${role} owns it there (name another: --role-map ${owner}=…)`,
      });
    }
  }
  return { ownerOf: (owner) => replaced.get(owner) ?? owner, leftOut };
}
