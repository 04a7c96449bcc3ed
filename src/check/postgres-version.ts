import type { Check, CheckedSide, RestoreChecked } from './finding.js';

/** PostgreSQL can be migrated up, not down. */
export const postgresVersion: Check<
  Pick<RestoreChecked, 'target'> & { source: Pick<CheckedSide, 'inventory'> }
> = ({ source, target }) => {
  const [from, to] = [source.inventory.server.major, target.inventory.server.major];
  if (to >= from) return [];
  return [
    {
      id: 'postgres-older-target',
      severity: 'blocker',
      found: `expected a target of PostgreSQL ${from} or newer, but it is PostgreSQL ${to}`,
      objects: [],
      why: 'An older server does not understand all that a newer one can define.',
      mend: `Use a target of PostgreSQL ${from} or newer.`,
    },
  ];
};
