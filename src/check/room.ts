import { lockRoom, type Server } from '../inventory/server.js';
import type { Check, Finding } from './finding.js';

/** Sessions beside the workers': control, snapshot and pg_dump on the source; control and one more on the target. */
const OTHER_SESSIONS = 3;

/** Locks and connections that the run needs at once. */
export const room: Check = ({ source, target, jobs }) => {
  const findings: Finding[] = [];
  // pg_dump locks every relation that it dumps, in one transaction.
  const locks = source.relations.length;
  if (locks > lockRoom(source.server)) {
    const needed =
      Math.ceil(locks / (source.server.maxConnections + source.server.maxPreparedTransactions)) + 1;
    findings.push({
      id: 'locks',
      severity: 'blocker',
      code: 'ROOM',
      found: `expected room for ${locks} locks on the source, one a relation, but max_locks_per_transaction = ${source.server.maxLocksPerTransaction} gives ${lockRoom(source.server)}`,
      mend: `ALTER SYSTEM SET max_locks_per_transaction = ${needed}; then restart the source server.`,
    });
  }
  for (const [side, { server }] of [['source', source] as const, ['target', target] as const]) {
    const free = freeConnections(server);
    const needed = jobs + OTHER_SESSIONS;
    if (free < needed) {
      findings.push({
        id: 'connections',
        severity: 'blocker',
        code: 'ROOM',
        found: `expected ${needed} free connections on the ${side} for --jobs ${jobs}, but ${free} of ${server.maxConnections} are free`,
        mend: `Use fewer --jobs, or raise max_connections on the ${side}.`,
      });
    }
  }
  return findings;
};

/** Connections that the server still gives to this role. */
export function freeConnections(server: Server): number {
  const reserved = server.isSuperuser ? 0 : server.reservedConnections;
  return server.maxConnections - server.usedConnections - reserved;
}
