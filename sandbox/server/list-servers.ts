import type { Edition } from '../programs/postgres-major.js';
import { dataRoot } from './data-root.js';
import { findPostmaster } from './postmaster.js';
import { dataFolder, readRecords, serverUrl } from './server-record.js';

export interface ServerEntry {
  readonly name: string;
  /** `down` if it is just starting, or ended without being stopped: the machine was restarted, or something killed it. */
  readonly state: 'running' | 'down';
  readonly url: string;
  readonly port: number;
  readonly postgres: number;
  readonly edition: Edition;
}

/** The servers that were started and not stopped, in the order of their names. */
export async function listServers(options: { readonly dataRoot?: string } = {}): Promise<ServerEntry[]> {
  const root = await dataRoot(options.dataRoot);
  const records = await readRecords(root);
  return Promise.all(
    records.map(async ({ name, port, postgres, edition }) => ({
      name,
      state: (await findPostmaster(dataFolder(root, name))) ? ('running' as const) : ('down' as const),
      url: serverUrl(port),
      port,
      postgres,
      edition,
    })),
  );
}
