import type { Relation } from '../inventory/relations.js';

/** Relations that one worker takes in one transaction. */
export interface RelationGroup<R = Relation> {
  readonly relations: readonly R[];
  readonly bytes: number;
}

/**
 * A transaction for each small chunk costs more than its rows; one for too many holds locks for all of them and
 * loses more when it fails.
 */
const SMALL_GROUP_BYTES = 8 * 1024 ** 2;
const SMALL_GROUP_RELATIONS = 50;

/** The largest first, each by itself, and small ones together. */
export function groupRelations<R extends Pick<Relation, 'oid' | 'bytes'>>(
  relations: readonly R[],
): RelationGroup<R>[] {
  const groups: R[][] = [];
  let group: R[] = [];
  let bytes = 0;
  const largestFirst = relations.toSorted((a, b) => b.bytes - a.bytes || a.oid - b.oid);
  for (const relation of largestFirst) {
    if (
      group.length > 0 &&
      (bytes + relation.bytes > SMALL_GROUP_BYTES || group.length === SMALL_GROUP_RELATIONS)
    ) {
      groups.push(group);
      group = [];
      bytes = 0;
    }
    group.push(relation);
    bytes += relation.bytes;
  }
  if (group.length > 0) groups.push(group);
  return groups.map((members) => ({
    relations: members,
    bytes: members.reduce((sum, member) => sum + member.bytes, 0),
  }));
}
