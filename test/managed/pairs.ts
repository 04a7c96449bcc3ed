import { type Pair, startExtraServer } from '../integration/servers.js';

/** Servers of which the tests in this folder may change the roles. */
export const communityManagedPair = (): Promise<Pair> => pair('community', 'managed');

export const apacheManagedPair = (): Promise<Pair> => pair('apache', 'managed');

/**
 * Roles are the server's, and a migration carries all of them: a test that says all that there is to say of what is carried
 * and left out needs servers that no other file uses at the same time.
 */
export const lonelyManagedPair = (): Promise<Pair> => pair('community', 'lonely');

/** A server that runs already is not started again. */
async function pair(edition: 'apache' | 'community', name: string): Promise<Pair> {
  const [source, target] = await Promise.all([
    startExtraServer(`${name}-${edition}-source`, { edition, settings: SETTINGS }),
    startExtraServer(`${name}-${edition}-target`, { edition, settings: SETTINGS }),
  ]);
  return { source, target };
}

/** No background job may change a database between the end of a migration and the comparison. */
const SETTINGS = { 'timescaledb.max_background_workers': '0', max_worker_processes: '64' };
