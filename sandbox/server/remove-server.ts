import { rm } from 'node:fs/promises';
import { killPostmaster } from './postmaster.js';
import { serverAccount } from './server-account.js';
import { dataFolder, readRecord, serverFolder } from './server-record.js';

/** Ends a server if it runs, and deletes its folder. The caller holds the lock on its name. */
export async function removeServer(root: string, name: string): Promise<void> {
  const folder = serverFolder(root, name);
  const record = await readRecord(root, name);
  if (record !== undefined) {
    await killPostmaster(() => serverAccount(record.binFolder, folder), dataFolder(root, name));
  }
  await rm(folder, { recursive: true, force: true });
}
