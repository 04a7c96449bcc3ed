import { readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isProcessAlive } from '../is-process-alive.js';
import { SandboxError } from '../sandbox-error.js';
import type { ServerAccount } from './server-account.js';
import type { RestartMode } from './server-options.js';

const PATIENCE_S = 60;

/** @throws SandboxError `SERVER_FAILED`, with the end of the server's log in the message. */
export async function startPostmaster(account: ServerAccount, data: string): Promise<void> {
  await control(account, data, 'start');
}

/** @throws SandboxError `SERVER_FAILED`, with the end of the server's log in the message. */
export async function restartPostmaster(
  account: ServerAccount,
  data: string,
  mode: RestartMode,
): Promise<void> {
  await control(account, data, 'restart', '-m', mode);
}

/**
 * Ends the server of a data folder, if it runs, by an immediate shutdown: nobody will read its data again.
 * The signal is sent from here and not by pg_ctl, which believes the pid file (see `findPostmaster`), and which is gone
 * when someone has cleared the cache under a running server.
 */
export async function endPostmaster(data: string): Promise<void> {
  const pid = await findPostmaster(data);
  if (pid === undefined) return;
  process.kill(pid, 'SIGQUIT');
  for (const giveUpAt = Date.now() + PATIENCE_S * 1000; await findPostmaster(data); await sleep(20)) {
    if (Date.now() < giveUpAt) continue;
    throw new SandboxError(
      'SERVER_FAILED',
      `Expected the server in ${data} (process ${pid}) to end within ${PATIENCE_S} s of SIGQUIT, it still runs`,
      { hint: `See ${join(data, LOG)}.` },
    );
  }
}

/**
 * The process of the server that runs in a data folder, or undefined where none does. The pid file alone cannot tell:
 * it outlives a reboot, and its number may then be another process's. A server's working directory is its data folder.
 */
export async function findPostmaster(data: string): Promise<number | undefined> {
  const pid = await recordedPid(data);
  if (pid === undefined || !isProcessAlive(pid)) return undefined;
  if (process.platform !== 'linux') return pid;
  const folder = await readlink(`/proc/${pid}/cwd`).catch(() => undefined);
  return folder === data ? pid : undefined;
}

const LOG = 'server.log';

async function recordedPid(data: string): Promise<number | undefined> {
  try {
    const pid = Number.parseInt(await readFile(join(data, 'postmaster.pid'), 'utf8'), 10);
    return Number.isNaN(pid) ? undefined : pid;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function control(account: ServerAccount, data: string, ...command: string[]): Promise<void> {
  try {
    await account.run('pg_ctl', [
      ...command,
      '-D',
      data,
      '-l',
      join(data, LOG),
      '-w',
      '-t',
      `${PATIENCE_S}`,
      '-s',
    ]);
  } catch (error) {
    const log = await readFile(join(data, LOG), 'utf8').catch(() => '');
    throw new SandboxError(
      'SERVER_FAILED',
      `Expected pg_ctl ${command[0]} to succeed on ${data}, but it failed; the server's log ends:\n${lastLines(log, 10)}`,
      { cause: error },
    );
  }
}

function lastLines(text: string, count: number): string {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}
