import { inject } from 'vitest';
import { communityBin, type Server, type StartOptions, startServer } from '../../sandbox/index.js';

/** Where a migration begins and where it ends. */
export interface Pair {
  readonly source: Server;
  readonly target: Server;
}

/** Every setting that changes how values print differs between the two, and from what PostgreSQL has by default. */
const SOURCE_DISPLAY = {
  DateStyle: 'SQL, MDY',
  IntervalStyle: 'iso_8601',
  extra_float_digits: '-5',
  bytea_output: 'escape',
  TimeZone: 'America/New_York',
};
const TARGET_DISPLAY = {
  DateStyle: 'German, DMY',
  IntervalStyle: 'sql_standard',
  extra_float_digits: '0',
  bytea_output: 'escape',
  TimeZone: 'Asia/Kolkata',
};

/** Each database with TimescaleDB has a scheduler process of its own, and every test makes a database. */
const SOURCE_JOBS = { max_worker_processes: '200', 'timescaledb.max_background_workers': '150' };
/** No background job may change the target between the end of a migration and the comparison. */
const TARGET_JOBS = { 'timescaledb.max_background_workers': '0' };

export const apachePair = once(() => pair('apache', {}));

export const communityPair = once(() => pair('community', { edition: 'community' }));

/** The reason that stands in the title of a test that needs the community edition. */
export const hasCommunity = (await communityBin()) !== undefined;

/** The two versions of TimescaleDB that the community edition's folder holds. */
export const COMMUNITY_VERSIONS = ['2.19.3', '2.29.2'] as const;

/** Each naptime, autovacuum starts a process in every database: with hundreds of them, that is all the time. */
const RARE_AUTOVACUUM = { autovacuum_naptime: '1h' };

/** A server beside the pair, with what only one test needs. */
export function startExtraServer(name: string, options: Omit<StartOptions, 'name'>): Promise<Server> {
  return startServer({
    name: `${inject('integrationRun')}-${name}`,
    ...options,
    settings: { ...RARE_AUTOVACUUM, ...options.settings },
  });
}

async function pair(name: string, options: Omit<StartOptions, 'name'>): Promise<Pair> {
  const [source, target] = await Promise.all([
    startExtraServer(`${name}-source`, { ...options, settings: { ...SOURCE_DISPLAY, ...SOURCE_JOBS } }),
    startExtraServer(`${name}-target`, { ...options, settings: { ...TARGET_DISPLAY, ...TARGET_JOBS } }),
  ]);
  return { source, target };
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
