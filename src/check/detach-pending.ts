import { type Check, type DumpChecked, nameSome } from './finding.js';

/** Since PostgreSQL 14: DETACH PARTITION … CONCURRENTLY that ended between its two transactions. */
const READ_PENDING = `
SELECT inhparent::pg_catalog.regclass::text AS parent, inhrelid::pg_catalog.regclass::text AS child
FROM pg_catalog.pg_inherits WHERE inhdetachpending ORDER BY 1, 2`;

/** What is read through the parent has no rows of such a partition. `pg_dump` does not ask, and attaches it. */
export const detachPending: Check<Pick<DumpChecked, 'source'>> = async ({ source }) => {
  if (source.inventory.server.version < 140_000) return [];
  const pending = await source.session.query<{ parent: string; child: string }>(READ_PENDING);
  if (pending.length === 0) return [];
  const objects = pending.map(({ parent, child }) => `${child} of ${parent}`);
  return [
    {
      id: 'detach-pending',
      severity: 'blocker',
      found: `expected partitions that are attached or not, but detaching these was begun and has not ended: ${nameSome(objects)}`,
      objects,
      why: 'On the target they would be attached again, and their rows be in the partitioned table.',
      mend: pending
        .map(({ parent, child }) => `ALTER TABLE ${parent} DETACH PARTITION ${child} FINALIZE;`)
        .join('\n'),
    },
  ];
};
