import { isDeepStrictEqual } from 'node:util';
import { isThere } from '../is-there.js';
import { withLock } from '../lock.js';
import { clientBinFolder } from '../programs/client-bin-folder.js';
import { DEFAULT_MAJOR, majorOf } from '../programs/postgres-major.js';
import type { Progress } from '../progress.js';
import { SandboxError } from '../sandbox-error.js';
import { dataRoot } from './data-root.js';
import { freePort } from './free-port.js';
import { initialiseData } from './initialise-data.js';
import { findPostmaster, startPostmaster } from './postmaster.js';
import { removeServer } from './remove-server.js';
import { runningServer } from './running-server.js';
import { serverAccount } from './server-account.js';
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
  const root = await dataRoot(options.dataRoot);
  return withLock(`${serverFolder(root, options.name)}.lock`, options.progress ?? (() => {}), async () => {
    const existing = await readRecord(root, options.name);
    if (existing !== undefined && (await findPostmaster(dataFolder(root, options.name)))) {
      return runningServer(root, sameOrRefuse(existing, options));
    }
    await removeServer(root, options.name);
    return runningServer(root, await startNew(root, options));
  });
}

function sameOrRefuse(existing: ServerRecord, options: StartOptions): ServerRecord {
  const wantedEdition = options.edition ?? 'apache';
  const wanted = {
    port: options.port ?? existing.port,
    postgres: options.postgres ?? (wantedEdition === 'apache' ? DEFAULT_MAJOR : existing.postgres),
    edition: wantedEdition,
    settings: options.settings ?? {},
  };
  const { port, postgres, edition, settings } = existing;
  const found = { port, postgres, edition, settings };
  if (isDeepStrictEqual(found, wanted)) return existing;
  throw new SandboxError(
    'NAME_IN_USE',
    `Expected server "${existing.name}" to run with ${JSON.stringify(wanted)}, but it runs with ${JSON.stringify(found)}`,
    { hint: `Stop "${existing.name}" first, or choose another name.` },
  );
}

/** Between finding a port free and listening on it, another program can take it. */
const PORTS_TO_TRY = 5;

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
  await warnWithoutTimeZones(progress);
  for (let attempt = 1; ; attempt++) {
    const record = { ...wanted, port: options.port ?? (await freePort()) };
    try {
      await startOn(root, record);
      return record;
    } catch (error) {
      const collided = error instanceof SandboxError && error.message.includes('Address already in use');
      if (!collided || options.port !== undefined || attempt === PORTS_TO_TRY) throw error;
    }
  }
}

/** PostgreSQL as Debian builds it reads the machine's time zones, from this place alone. */
async function warnWithoutTimeZones(progress: Progress): Promise<void> {
  if (await isThere('/usr/share/zoneinfo/UTC')) return;
  progress(
    'This machine has no /usr/share/zoneinfo: the server will know no time zone by name. Install tzdata.',
  );
}

/** A server that does not start leaves nothing behind: the error holds what its log says. */
async function startOn(root: string, record: ServerRecord): Promise<void> {
  const { name, binFolder, port, edition, settings } = record;
  const data = dataFolder(root, name);
  try {
    await writeRecord(root, record);
    const account = await serverAccount(binFolder, serverFolder(root, name));
    await initialiseData(account, data, configurationLines(port, edition, settings));
    await startPostmaster(account, data);
  } catch (error) {
    await removeServer(root, name);
    throw error;
  }
}
