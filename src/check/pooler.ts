import type { Check } from './finding.js';

/** Each query of a session may reach another server process through a pooler: no snapshot, no restore mode. */
export const pooler: Check = ({ source, target }) =>
  [['source', source] as const, ['target', target] as const].flatMap(([side, { inventory }]) =>
    inventory.server.isPooled
      ? [
          {
            id: 'pooler',
            severity: 'blocker' as const,
            found: `expected a connection to the ${side} server itself, but a pooler such as PgBouncer stands in between`,
            objects: [],
            why: 'Snapshots, restore mode and session settings belong to one server process, and a pooler hands out several.',
            mend: `Name the server's own address and port as --${side}.`,
          },
        ]
      : [],
  );
