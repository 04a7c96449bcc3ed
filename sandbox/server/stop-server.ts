import { withLock } from '../lock.js';
import { dataRoot } from './data-root.js';
import { removeServer } from './remove-server.js';
import { serverFolder } from './server-record.js';

/** Ends a server and deletes its data. A name that no server has is as good as stopped. */
export async function stopServer(name: string, options: { readonly dataRoot?: string } = {}): Promise<void> {
  const root = await dataRoot(options.dataRoot);
  await withLock(
    `${serverFolder(root, name)}.lock`,
    () => {},
    () => removeServer(root, name),
  );
}
