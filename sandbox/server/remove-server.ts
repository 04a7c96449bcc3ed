import { rm } from 'node:fs/promises';
import { endPostmaster } from './postmaster.js';
import { dataFolder, serverFolder } from './server-record.js';

/** Ends a server if it runs, and deletes its folder. The caller holds the lock on its name. */
export async function removeServer(root: string, name: string): Promise<void> {
  await endPostmaster(dataFolder(root, name));
  await rm(serverFolder(root, name), { recursive: true, force: true });
}
