import { realpath } from 'node:fs/promises';
import type { Edition } from '../programs/postgres-major.js';
import { dataRoot } from './data-root.js';
import { isRunning } from './postmaster.js';
import { dataFolder, readRecords, serverUrl } from './server-record.js';

export interface ServerEntry {
  readonly name: string;
  /** `dead` if it ended without being stopped: the machine was restarted, or something killed it. */
  readonly state: 'running' | 'dead';
  readonly url: string;
  readonly port: number;
  readonly postgres: number;
  readonly edition: Edition;
}

/** The servers that were started and not stopped, in the order of their names. */
export async function listServers(options: { readonly dataRoot?: string } = {}): Promise<ServerEntry[]> {
  const root = await realpath(await dataRoot(options.dataRoot));
  const records = await readRecords(root);
  return Promise.all(
    records.map(async ({ name, port, postgres, edition }) => ({
      name,
      state: (await isRunning(dataFolder(root, name))) ? ('running' as const) : ('dead' as const),
      url: serverUrl(port),
      port,
      postgres,
      edition,
    })),
  );
}
