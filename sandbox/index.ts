export { clientBinFolder } from './programs/client-bin-folder.js';
export { communityBin } from './programs/community-bin.js';
export type { Edition, PostgresMajor } from './programs/postgres-major.js';
export type { Progress } from './progress.js';
export { SandboxError, type SandboxErrorCode } from './sandbox-error.js';
export { listServers, type ServerEntry } from './server/list-servers.js';
export type { RestartMode, Server, StartOptions } from './server/server-options.js';
export { startServer } from './server/start-server.js';
export { stopServer } from './server/stop-server.js';
