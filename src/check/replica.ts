import type { Check, CheckedSide, Finding } from './finding.js';

/** A replica can be read, but background jobs are held off on the primary, and what they rewrite arrives all the same. */
export const replica: Check = ({ source, target }) => [
  ...replicaAsSource(source),
  ...replicaAsTarget(target),
];

export function replicaAsSource({ inventory }: CheckedSide): Finding[] {
  if (!inventory.server.isReplica) return [];
  return [
    {
      id: 'replica',
      severity: 'blocker',
      found: 'expected a primary as source, but the server is a replica in recovery',
      objects: [],
      why: 'Background jobs can be held off only on the primary, and what they rewrite there reaches the replica during the copy.',
      mend: 'Name the primary as --source.',
    },
  ];
}

export function replicaAsTarget({ inventory }: CheckedSide): Finding[] {
  if (!inventory.server.isReplica) return [];
  return [
    {
      id: 'replica',
      severity: 'blocker',
      found: 'expected a primary as target, but the server is a replica in recovery',
      objects: [],
      why: 'A replica takes no writes.',
      mend: 'Name the primary as --target, or promote the replica: SELECT pg_promote();',
    },
  ];
}
