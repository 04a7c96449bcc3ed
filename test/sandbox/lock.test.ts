import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { withLock } from '../../sandbox/lock.js';
import { temporaryFolder } from './temporary-folder.js';

test('of many who want the lock, one works at a time, and nothing is left', async () => {
  const folder = await temporaryFolder();
  let working = 0;
  let mostAtOnce = 0;
  const one = () =>
    withLock(
      join(folder, 'lock'),
      () => {},
      async () => {
        mostAtOnce = Math.max(mostAtOnce, ++working);
        await sleep(5);
        working--;
      },
    );
  await Promise.all(Array.from({ length: 8 }, one));
  expect(mostAtOnce).toBe(1);
  expect(await readdir(folder)).toEqual([]);
});

test('a lock is released when the work fails', async () => {
  const lock = join(await temporaryFolder(), 'lock');
  const fail = () => Promise.reject(new Error('no luck'));
  await expect(withLock(lock, () => {}, fail)).rejects.toThrow('no luck');
  expect(
    await withLock(
      lock,
      () => {},
      async () => 'worked',
    ),
  ).toBe('worked');
});

test('a lock whose owner has died is taken over', async () => {
  const lock = join(await temporaryFolder(), 'lock');
  const owner = spawn('true', { stdio: 'ignore' });
  await once(owner, 'exit');
  await writeFile(lock, `${owner.pid} left behind\n`);
  expect(
    await withLock(
      lock,
      () => {},
      async () => 'worked',
    ),
  ).toBe('worked');
});

test('a lock whose owner lives is waited for, and the wait is announced', async () => {
  const lock = join(await temporaryFolder(), 'lock');
  const said: string[] = [];
  const order: string[] = [];
  const first = withLock(
    lock,
    () => {},
    async () => {
      await sleep(200);
      order.push('first');
    },
  );
  await sleep(50);
  await withLock(
    lock,
    (message) => said.push(message),
    async () => void order.push('second'),
  );
  await first;
  expect(order).toEqual(['first', 'second']);
  expect(said).toEqual([expect.stringContaining(`Waiting for process ${process.pid}`)]);
});
