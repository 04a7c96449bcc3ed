import type { Check } from './finding.js';

/** A migration onto itself would empty the database when the target is cleaned. */
export const sameDatabase: Check = ({ source, target }) => {
  const [a, b] = [source.inventory.server, target.inventory.server];
  const isSame =
    a.systemIdentifier !== undefined &&
    a.systemIdentifier === b.systemIdentifier &&
    a.databaseOid === b.databaseOid;
  if (!isSame) return [];
  return [
    {
      id: 'same-database',
      severity: 'blocker',
      code: 'SAME_DATABASE',
      found: `expected two databases, but source and target are both the database ${a.database} of one server`,
      objects: [a.database],
      why: 'A database cannot be moved onto itself.',
      mend: 'Name another database or server as --target.',
    },
  ];
};
