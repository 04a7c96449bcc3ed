import type { Check } from './finding.js';

/** A migration onto itself would empty the database when the target is cleaned, and fail otherwise. */
export const sameDatabase: Check = ({ source, target }) => {
  const [a, b] = [source.server, target.server];
  if (a.systemIdentifier === undefined || a.systemIdentifier !== b.systemIdentifier) return [];
  if (a.databaseOid !== b.databaseOid) return [];
  return [
    {
      id: 'same-database',
      severity: 'blocker',
      code: 'SAME_DATABASE',
      found: `expected two databases, but source and target are both the database ${a.database} of one server`,
      mend: 'Name another database or server as --target.',
    },
  ];
};
