import type { Side } from '../postgres/session.js';
import type { Check, CheckedSide, Finding } from './finding.js';

/** Each query of a session may reach another server process through a pooler: no snapshot, no restore mode. */
export const pooler: Check = ({ source, target }) => [
  ...poolerBefore('source', source),
  ...poolerBefore('target', target),
];

export function poolerBefore(side: Side, { inventory }: CheckedSide): Finding[] {
  if (!inventory.server.isPooled) return [];
  return [
    {
      id: 'pooler',
      severity: 'blocker',
      found: `expected a connection to the ${side} server itself, but a pooler such as PgBouncer stands in between`,
      objects: [],
      why: 'Snapshots, restore mode and session settings belong to one server process, and a pooler hands out several.',
      mend: `Name the server's own address and port as --${side}.`,
    },
  ];
}
