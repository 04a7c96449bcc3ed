import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';

/** Ends the process whose number is in the first line of a file, and waits until it is gone. */
export async function endProcess(pidFile: string, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  const pid = Number.parseInt(await readFile(pidFile, 'utf8'), 10);
  process.kill(pid, signal);
  await expectEventually(() => isAlive(pid), false, `process ${pid} is alive`);
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Waits until what is observed is what is expected; fails, with both, after some seconds. */
export async function expectEventually<T>(
  observe: () => T | Promise<T>,
  expected: T,
  what: string,
  seconds = 20,
): Promise<void> {
  const giveUpAt = Date.now() + seconds * 1000;
  for (;;) {
    const observed = await observe();
    if (JSON.stringify(observed) === JSON.stringify(expected)) return;
    if (Date.now() > giveUpAt) expect(observed, what).toEqual(expected);
    await sleep(50);
  }
}
