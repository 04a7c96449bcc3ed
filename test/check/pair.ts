import { type Pair, startExtraServer } from '../integration/servers.js';

/**
 * Two servers for the checks alone, which look at what belongs to a server as well: roles, tablespaces, settings.
 * They also have what the usual ones lack: prepared transactions and logical replication.
 */
export async function checkPair(): Promise<Pair> {
  const [source, target] = await Promise.all(
    ['check-source', 'check-target'].map((name) => startExtraServer(name, { settings: SETTINGS })),
  );
  if (!source || !target) throw new Error('expected two servers');
  return { source, target };
}

const SETTINGS = {
  wal_level: 'logical',
  max_prepared_transactions: '10',
  max_worker_processes: '16',
  'timescaledb.max_background_workers': '0',
};

/** The same database with another user, host, port or name. */
export function altered(
  url: string,
  change: Partial<Record<'pathname' | 'username' | 'port' | 'hostname', string>>,
): string {
  return Object.assign(new URL(url), change).href;
}
