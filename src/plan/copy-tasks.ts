import type { Relation } from '../inventory/relations.js';

/** Relations whose rows one worker copies in one transaction. */
export interface CopyTask {
  readonly relations: readonly Relation[];
  readonly bytes: number;
}

/**
 * A transaction for each small chunk costs more than its rows; one for too many holds locks for all of them and
 * loses more when it fails.
 */
const SMALL_TASK_BYTES = 8 * 1024 ** 2;
const SMALL_TASK_RELATIONS = 50;

/** One task a relation, but small ones together. Partitioned tables have no rows of their own. */
export function copyTasks(relations: readonly Relation[]): CopyTask[] {
  const groups: Relation[][] = [];
  let group: Relation[] = [];
  let bytes = 0;
  const largestFirst = relations
    .filter(({ kind }) => kind !== 'partitioned')
    .toSorted((a, b) => b.bytes - a.bytes || a.oid - b.oid);
  for (const relation of largestFirst) {
    if (
      group.length > 0 &&
      (bytes + relation.bytes > SMALL_TASK_BYTES || group.length === SMALL_TASK_RELATIONS)
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
