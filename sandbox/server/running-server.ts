import { restartPostmaster } from './postmaster.js';
import { serverAccount } from './server-account.js';
import type { RestartMode, Server } from './server-options.js';
import { dataFolder, type ServerRecord, serverFolder, serverUrl } from './server-record.js';
import { stopServer } from './stop-server.js';

/** What the caller gets of a server that takes connections. */
export function runningServer(root: string, { name, port, binFolder }: ServerRecord): Server {
  return {
    name,
    port,
    binFolder,
    url: serverUrl(port),
    dataFolder: dataFolder(root, name),
    stop: () => stopServer(name, { dataRoot: root }),
    restart: async (mode: RestartMode = 'fast') => {
      const account = await serverAccount(binFolder, serverFolder(root, name));
      await restartPostmaster(account, dataFolder(root, name), mode);
    },
  };
}
