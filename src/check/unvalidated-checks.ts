import type { Relation } from '../inventory/relations.js';
import type { Session } from '../postgres/session.js';
import { type Finding, nameSome } from './finding.js';

/** Those that are inherited go with the parent's. From PostgreSQL 18 on, NOT NULL may be so as well. */
const READ_UNVALIDATED = `
SELECT pg_catalog.format('%I on %s', conname,
         CASE conrelid WHEN 0 THEN contypid::pg_catalog.regtype::text ELSE conrelid::pg_catalog.regclass::text END) AS name
FROM pg_catalog.pg_constraint
WHERE NOT convalidated AND contype IN ('c', 'n') AND coninhcount = 0 AND (contypid <> 0 OR conrelid = ANY ($1::oid[]))
ORDER BY 1`;

/** A server looks at new rows by a check that is NOT VALID, and the restored ones are new. */
export async function unvalidatedChecks(there: readonly Relation[], session: Session): Promise<Finding[]> {
  const rows = await session.query<{ name: string }>(READ_UNVALIDATED, [there.map(({ oid }) => oid)]);
  const objects = rows.map(({ name }) => name);
  if (objects.length === 0) return [];
  return [
    {
      id: 'target-unvalidated-checks',
      severity: 'warning',
      found: `checks on the target that are NOT VALID, and will refuse rows that break them: ${nameSome(objects)}`,
      objects,
      why: 'The source may hold such rows, which it had before the check.',
      mend: 'ALTER TABLE … DROP CONSTRAINT …; on the target, and add it again at the end. Or restore the dump as a whole, which makes such checks behind the rows.',
    },
  ];
}
