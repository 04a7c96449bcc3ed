import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { isProcessAlive } from './is-process-alive.js';
import type { Progress } from './progress.js';
import { SandboxError } from './sandbox-error.js';

const POLL_MS = 100;
/** A download on a slow line takes minutes; longer than this, a person should look. */
const PATIENCE_MS = 15 * 60_000;

/**
 * Runs `work` while this process holds the lock file, so that of several processes one works and the others wait.
 * A lock whose owner is gone is taken over.
 *
 * @throws SandboxError `LOCK_HELD` after 15 minutes of waiting.
 */
export async function withLock<T>(lockFile: string, progress: Progress, work: () => Promise<T>): Promise<T> {
  await acquire(lockFile, progress);
  try {
    return await work();
  } finally {
    await unlink(lockFile);
  }
}

async function acquire(lockFile: string, progress: Progress): Promise<void> {
  const giveUpAt = Date.now() + PATIENCE_MS;
  let told = false;
  while (!(await tryAcquire(lockFile))) {
    const owner = await readOwner(lockFile);
    if (owner === undefined) continue;
    if (!isProcessAlive(owner.pid)) {
      await breakLock(lockFile, owner.text);
      continue;
    }
    if (Date.now() > giveUpAt) {
      throw new SandboxError(
        'LOCK_HELD',
        `Expected ${lockFile} to be released, but process ${owner.pid} still holds it`,
        {
          hint: `If process ${owner.pid} is no sandbox, delete ${lockFile} and try again.`,
        },
      );
    }
    if (!told) progress(`Waiting for process ${owner.pid}, which is at work on the same (lock ${lockFile})`);
    told = true;
    await sleep(POLL_MS);
  }
}

/** `link` makes the lock appear with its owner already in it; a lock made first and written next could be read empty. */
async function tryAcquire(lockFile: string): Promise<boolean> {
  const mine = `${lockFile}.${randomUUID()}`;
  await writeFile(mine, `${process.pid} ${randomUUID()}\n`);
  try {
    await link(mine, lockFile);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await unlink(mine);
  }
}

async function readOwner(lockFile: string): Promise<{ pid: number; text: string } | undefined> {
  try {
    const text = await readFile(lockFile, 'utf8');
    return { pid: Number.parseInt(text, 10), text };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Between reading and removing, another process may have taken the lock over: then what was moved away is put back. */
async function breakLock(lockFile: string, judged: string): Promise<void> {
  const removed = `${lockFile}.${randomUUID()}`;
  try {
    await rename(lockFile, removed);
    if ((await readFile(removed, 'utf8')) !== judged) await link(removed, lockFile);
  } catch (error) {
    if (!['ENOENT', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  } finally {
    await rm(removed, { force: true });
  }
}
