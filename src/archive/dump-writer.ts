import { readFile, readlink, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

/** Who writes into a folder; it goes before the folder gets its name. */
const WRITER_FILE = '.writer';

/** A process, told from all others of this machine and of those that share a disk with it. */
interface Writer {
  readonly host: string;
  readonly boot: string;
  /** Processes of another container have numbers of their own. */
  readonly namespace: string;
  readonly pid: number;
  /** Numbers are used again, and in a container often at once. */
  readonly started: string;
}

export async function noteWriter(folder: string): Promise<void> {
  const writer: Writer = { ...(await thisMachine()), pid: process.pid, started: await startOf(process.pid) };
  await writeFile(join(folder, WRITER_FILE), JSON.stringify(writer), { mode: 0o600, flag: 'wx' });
}

export async function removeWriter(folder: string): Promise<void> {
  await rm(join(folder, WRITER_FILE), { force: true });
}

/**
 * Removes a folder whose writer is known to be dead. It is moved away first, so that of two who find it one removes it.
 * @returns whether there may be place for another; a writer on a machine that cannot be asked may be alive
 */
export async function removeIfDead(folder: string): Promise<boolean> {
  if (!(await isDead(folder))) return false;
  const away = `${folder}.${process.pid}.dead`;
  try {
    await rename(folder, away);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
    throw error;
  }
  // Another may have removed it meanwhile, and begun its own.
  if (!(await isDead(away))) {
    await rename(away, folder);
    return false;
  }
  await rm(away, { recursive: true, force: true });
  return true;
}

/** Linux gives it to the first processes of a machine. */
const FIRST_NAMESPACE = 'pid:[4026531836]';

async function isDead(folder: string): Promise<boolean> {
  const noted = await readWriter(folder);
  const here = await thisMachine();
  if (noted?.host !== here.host || noted.namespace !== here.namespace) return false;
  if (noted.boot !== here.boot) return here.namespace === FIRST_NAMESPACE;
  return !isAlive(noted.pid) || (await startOf(noted.pid)) !== noted.started;
}

/** @returns undefined where nothing that can be read is noted */
async function readWriter(folder: string): Promise<Writer | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, WRITER_FILE), 'utf8')) as Writer;
  } catch {
    return undefined;
  }
}

async function thisMachine(): Promise<Pick<Writer, 'host' | 'boot' | 'namespace'>> {
  return {
    host: hostname(),
    boot: await orNothing(readFile('/proc/sys/kernel/random/boot_id', 'utf8')),
    namespace: await orNothing(readlink('/proc/self/ns/pid')),
  };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** In ticks since the machine's start: the 22nd field, of which the second may hold spaces. */
async function startOf(pid: number): Promise<string> {
  const stat = await orNothing(readFile(`/proc/${pid}/stat`, 'utf8'));
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

/** Only Linux tells. */
function orNothing(reading: Promise<string>): Promise<string> {
  return reading.then(
    (text) => text.trim(),
    () => '',
  );
}
