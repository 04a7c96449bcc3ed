import { findPgDump } from '../postgres/client-programs.js';
import { HyperferryError } from '../postgres/error.js';
import type { Check } from './finding.js';

/** `pg_dump` reads the definitions, and refuses a server newer than itself. */
export const clientPrograms: Check = async ({ source, target, options }) => {
  const { major } = source.inventory.server;
  try {
    const program = await findPgDump(options.programs, major, target.inventory.server.major);
    if (program.major <= target.inventory.server.major) return [];
    return [
      {
        id: 'client-programs-newer',
        severity: 'note',
        found: `${program.path} is of PostgreSQL ${program.major}, the target of ${target.inventory.server.major}`,
        objects: [program.path],
        why: 'A newer pg_dump may write what an older target does not understand.',
        mend: `Name the programs of PostgreSQL ${target.inventory.server.major} if a definition is refused: --pg-bin FOLDER`,
      },
    ];
  } catch (error) {
    if (!(error instanceof HyperferryError)) throw error;
    return [
      {
        id: 'client-programs',
        severity: 'blocker',
        code: error.code,
        found: error.message,
        objects: [],
        why: 'pg_dump reads the definitions of the source, and refuses a server newer than itself.',
        mend: error.hint ?? '--pg-bin FOLDER',
      },
    ];
  }
};
