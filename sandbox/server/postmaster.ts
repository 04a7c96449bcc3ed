import { readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { SandboxError } from '../sandbox-error.js';
import type { ServerAccount } from './server-account.js';
import type { RestartMode } from './server-options.js';

const PATIENCE_S = '60';

/** @throws SandboxError `SERVER_FAILED`, with the end of the server's log in the message. */
export async function startPostmaster(account: ServerAccount, data: string): Promise<void> {
  await control(account, data, 'start', '-l', join(data, 'server.log'));
}

export async function restartPostmaster(
  account: ServerAccount,
  data: string,
  mode: RestartMode,
): Promise<void> {
  await control(account, data, 'restart', '-m', mode, '-l', join(data, 'server.log'));
}

/** Ends a server whose data nobody will read again, if it runs. */
export async function killPostmaster(account: () => Promise<ServerAccount>, data: string): Promise<void> {
  if (await isRunning(data)) await control(await account(), data, 'stop', '-m', 'immediate');
}

/**
 * Whether the server of a data folder runs. Its pid file alone cannot tell: it outlives a reboot, and the number may
 * then be another process's. A server's working directory is its data folder.
 */
export async function isRunning(data: string): Promise<boolean> {
  const pid = await postmasterPid(data);
  if (pid === undefined || !isAlive(pid)) return false;
  if (process.platform !== 'linux') return true;
  return readlink(`/proc/${pid}/cwd`).then(
    (folder) => folder === data,
    () => false,
  );
}

async function postmasterPid(data: string): Promise<number | undefined> {
  try {
    const pid = Number.parseInt(await readFile(join(data, 'postmaster.pid'), 'utf8'), 10);
    return Number.isNaN(pid) ? undefined : pid;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function control(account: ServerAccount, data: string, ...args: string[]): Promise<void> {
  try {
    await account.run('pg_ctl', ['-D', data, '-w', '-t', PATIENCE_S, '-s', ...args]);
  } catch (error) {
    const log = await readFile(join(data, 'server.log'), 'utf8').catch(() => '');
    throw new SandboxError(
      'SERVER_FAILED',
      `Expected pg_ctl ${args[0]} to succeed on ${data}, but it failed; the server's log ends:\n${lastLines(log, 10)}`,
      { cause: error },
    );
  }
}

function lastLines(text: string, count: number): string {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}
