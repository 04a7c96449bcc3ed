import { HyperferryError } from '../postgres/error.js';
import type { Check } from './finding.js';

/** `pg_dump` reads the definitions, and refuses a server newer than itself. */
export const clientPrograms: Check = ({ target, pgDump }) => {
  if (pgDump instanceof HyperferryError) {
    return [
      {
        id: 'client-programs',
        severity: 'blocker',
        code: pgDump.code,
        found: pgDump.message,
        objects: [],
        why: 'pg_dump reads the definitions of the source, and refuses a server newer than itself.',
        mend: pgDump.hint ?? '--pg-bin FOLDER',
      },
    ];
  }
  const { major } = target.inventory.server;
  if (pgDump.major <= major) return [];
  return [
    {
      id: 'client-programs-newer',
      severity: 'note',
      found: `${pgDump.path} is of PostgreSQL ${pgDump.major}, the target of ${major}`,
      objects: [pgDump.path],
      why: 'A newer pg_dump may write what an older target does not understand.',
      mend: `Name the programs of PostgreSQL ${major} if a definition is refused: --pg-bin FOLDER`,
    },
  ];
};
