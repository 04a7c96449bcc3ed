import { type Check, type CheckedSide, type Finding, nameSome, readNames } from './finding.js';

/** A replica can be read, but background jobs are held off on the primary, and what they rewrite arrives all the same. */
export const replica: Check = async ({ source, target }) => [
  ...(await replicaAsSource(source)),
  ...replicaAsTarget(target),
];

const READ_UNLOGGED = `
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relpersistence = 'u' AND c.relkind = 'r' ORDER BY 1`;

/** Who goes on in spite of it is to know which tables will stop the copy. */
export async function replicaAsSource({ inventory, session }: CheckedSide): Promise<Finding[]> {
  if (!inventory.server.isReplica) return [];
  const unlogged = await readNames(session, READ_UNLOGGED);
  const unreadable = `, on which unlogged tables cannot be read: ${nameSome(unlogged)}`;
  return [
    {
      id: 'replica',
      severity: 'blocker',
      found: `expected a primary as source, but the server is a replica in recovery${unlogged.length > 0 ? unreadable : ''}`,
      objects: unlogged,
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
