import { HyperferryError } from '../postgres/error.js';
import type { Check, DumpChecked, Finding } from './finding.js';

export const dumpProgram: Check<Pick<DumpChecked, 'pgDump'>> = ({ pgDump }) =>
  pgDump instanceof HyperferryError ? missing(pgDump) : [];

/** `pg_dump` reads the definitions, and refuses a server newer than itself. */
export const clientPrograms: Check = ({ target, pgDump }) => {
  if (pgDump instanceof HyperferryError) return missing(pgDump);
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

function missing({ code, message, hint }: HyperferryError): Finding[] {
  return [
    {
      id: 'client-programs',
      severity: 'blocker',
      code,
      found: message,
      objects: [],
      why: 'pg_dump reads the definitions of the source, and refuses a server newer than itself.',
      mend: hint ?? '--pg-bin FOLDER',
    },
  ];
}
