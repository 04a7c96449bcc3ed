import type { Check, Finding } from './finding.js';

/** Snapshots, restore mode and session settings need a connection to the server itself, and a primary. */
export const connectionKind: Check = ({ source, target }) => {
  const findings: Finding[] = [];
  for (const [side, { server }] of [['source', source] as const, ['target', target] as const]) {
    if (server.isPooled) {
      findings.push({
        id: 'pooler',
        severity: 'blocker',
        code: 'UNSUITABLE',
        found: `expected a connection to the ${side} server itself, but a pooler such as PgBouncer stands in between`,
        mend: `Name the server's own address and port as --${side}.`,
      });
    }
    if (server.isReplica) {
      findings.push({
        id: 'replica',
        severity: 'blocker',
        code: 'UNSUITABLE',
        found: `expected a primary as ${side}, but the server is a replica in recovery`,
        mend:
          side === 'source'
            ? 'Name the primary as --source: background jobs can be held off and snapshots be exported only there.'
            : 'Name the primary as --target, or promote the replica: SELECT pg_promote();',
      });
    }
  }
  return findings;
};
