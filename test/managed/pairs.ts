import { type Pair, startExtraServer } from '../integration/servers.js';

/**
 * Roles are the server's, and a migration carries all of them; on servers of their own, the tests in this folder can
 * say all that there is to say of what is carried and what is left out.
 */
export const communityManagedPair = (): Promise<Pair> => pair('community');

export const apacheManagedPair = (): Promise<Pair> => pair('apache');

/** A server that runs already is not started again. */
async function pair(edition: 'apache' | 'community'): Promise<Pair> {
  const [source, target] = await Promise.all([
    startExtraServer(`managed-${edition}-source`, { edition, settings: SETTINGS }),
    startExtraServer(`managed-${edition}-target`, { edition, settings: SETTINGS }),
  ]);
  return { source, target };
}

/** No background job may change a database between the end of a migration and the comparison. */
const SETTINGS = { 'timescaledb.max_background_workers': '0', max_worker_processes: '64' };
