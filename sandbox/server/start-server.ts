import { appendFile, mkdir, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { withLock } from '../lock.js';
import { clientBinFolder } from '../programs/client-bin-folder.js';
import { majorOf } from '../programs/postgres-major.js';
import { SandboxError } from '../sandbox-error.js';
import { dataRoot } from './data-root.js';
import { freePort } from './free-port.js';
import { isRunning, startPostmaster } from './postmaster.js';
import { removeServer } from './remove-server.js';
import { runningServer } from './running-server.js';
import { type ServerAccount, serverAccount } from './server-account.js';
import type { Server, StartOptions } from './server-options.js';
import { dataFolder, readRecord, type ServerRecord, serverFolder, writeRecord } from './server-record.js';
import { checkSettings, configurationLines } from './server-settings.js';

/**
 * Starts a throwaway PostgreSQL with TimescaleDB, and returns it when it takes connections. A server of that name that
 * runs already is returned as it is; one that died is replaced by a new, empty one.
 *
 * @throws SandboxError `NAME_IN_USE` if it runs already and with other options; `INVALID_NAME`, `INVALID_SETTING`,
 * `SERVER_FAILED`; and what `clientBinFolder` throws.
 * @example
 * const server = await startServer({ name: 'source', settings: { 'timescaledb.max_background_workers': '0' } });
 */
export async function startServer(options: StartOptions): Promise<Server> {
  checkSettings(options.settings ?? {});
  const root = await realpath(await dataRoot(options.dataRoot));
  return withLock(`${serverFolder(root, options.name)}.lock`, options.progress ?? (() => {}), async () => {
    const existing = await readRecord(root, options.name);
    if (existing !== undefined && (await isRunning(dataFolder(root, options.name)))) {
      return runningServer(root, sameOrRefuse(existing, options));
    }
    await removeServer(root, options.name);
    return runningServer(root, await startNew(root, options));
  });
}

function sameOrRefuse(existing: ServerRecord, options: StartOptions): ServerRecord {
  const wanted = {
    port: options.port ?? existing.port,
    postgres: options.postgres ?? existing.postgres,
    edition: options.edition ?? 'apache',
    settings: options.settings ?? {},
  };
  const { port, postgres, edition, settings } = existing;
  const found = { port, postgres, edition, settings };
  if (isDeepStrictEqual(found, wanted)) return existing;
  throw new SandboxError(
    'NAME_IN_USE',
    `Expected server "${existing.name}" to run with ${JSON.stringify(wanted)}, but it runs with ${JSON.stringify(found)}`,
    { hint: `Stop it first (npm run sandbox -- stop ${existing.name}), or choose another name.` },
  );
}

async function startNew(root: string, options: StartOptions): Promise<ServerRecord> {
  const progress = options.progress ?? (() => {});
  const binFolder = await clientBinFolder(options.postgres, options.edition, progress);
  const wanted: Omit<ServerRecord, 'port'> = {
    name: options.name,
    binFolder,
    postgres: await majorOf(binFolder),
    edition: options.edition ?? 'apache',
    settings: options.settings ?? {},
  };
  progress(`Starting PostgreSQL ${wanted.postgres} (${wanted.edition} edition) as "${options.name}"`);
  for (let attempt = 1; ; attempt++) {
    const record = { ...wanted, port: options.port ?? (await freePort()) };
    try {
      await startOn(root, record);
      return record;
    } catch (error) {
      const collided = error instanceof SandboxError && error.message.includes('Address already in use');
      if (!collided || options.port !== undefined || attempt === 5) throw error;
      await removeServer(root, options.name);
    }
  }
}

async function startOn(root: string, record: ServerRecord): Promise<void> {
  await writeRecord(root, record);
  const account = await serverAccount(record.binFolder, serverFolder(root, record.name));
  const data = dataFolder(root, record.name);
  await initialise(account, data);
  await appendFile(
    join(data, 'postgresql.conf'),
    configurationLines(record.port, record.edition, record.settings),
  );
  await startPostmaster(account, data);
}

/** Copying a folder that initdb made once would take 0.1 s; initdb takes 1 s, and is never out of date. */
async function initialise(account: ServerAccount, data: string): Promise<void> {
  await rm(data, { recursive: true, force: true });
  await mkdir(data, { mode: 0o700 });
  await account.own(data);
  const collation = [
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--encoding=UTF8',
  ];
  await account.run('initdb', [
    '-D',
    data,
    '--username=postgres',
    '--auth=trust',
    ...collation,
    '--no-sync',
    '--no-instructions',
  ]);
}
