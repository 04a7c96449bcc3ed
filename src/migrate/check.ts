import { CHECKS } from '../check/check.js';
import { estimate } from '../check/estimate.js';
import type { Finding } from '../check/finding.js';
import { parseConnection } from '../postgres/connection-string.js';
import { withOwnErrors } from '../postgres/own-error.js';
import { inSession, type Session } from '../postgres/session.js';
import type { MigrateOptions } from './options.js';
import { examine } from './preflight.js';
import { tellingBlockers } from './tell-blockers.js';

/**
 * Finds out what stands in the way of a migration. Reads both sides and changes nothing.
 *
 * @throws HyperferryError `CONNECT` when a side cannot be reached, `PRIVILEGE` when it may not be read
 *
 * @example
 * const findings = await check({ source: 'postgresql://old/tsdb', target: 'postgresql://new/tsdb' });
 * const blockers = findings.filter(({ severity }) => severity === 'blocker');
 */
export async function check(options: MigrateOptions): Promise<readonly Finding[]> {
  const connections = { source: parseConnection(options.source), target: parseConnection(options.target) };
  const { signal } = options;
  const withBoth = <T>(work: (source: Session, target: Session) => Promise<T>): Promise<T> =>
    inSession(
      'source',
      connections.source,
      (source) => inSession('target', connections.target, (target) => work(source, target), signal),
      signal,
    );
  return withOwnErrors(() =>
    withBoth(async (source, target) => {
      const waiting = { emit: options.onEvent ?? (() => {}), sessions: () => [source, target] };
      const { findings } = await tellingBlockers(waiting, () =>
        examine(
          { session: source, connection: connections.source },
          { session: target, connection: connections.target },
          options,
          // It measures, and wants the connections for itself.
          [...CHECKS, [estimate]],
        ),
      );
      return findings;
    }),
  );
}
