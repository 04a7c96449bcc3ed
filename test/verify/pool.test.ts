import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { runTasks, type Task, type WorkerSource } from '../../src/verify/pool.js';

/** A worker that can be ended in the middle of a task, as a database session can. */
class Worker {
  readonly #ended = new AbortController();
  isClosed = false;

  get isDestroyed(): boolean {
    return this.#ended.signal.aborted;
  }

  work(milliseconds: number): Promise<void> {
    return sleep(milliseconds, undefined, { signal: this.#ended.signal });
  }

  destroy(): void {
    this.#ended.abort();
  }
}

function workers(): WorkerSource<Worker> & { readonly opened: Worker[] } {
  const opened: Worker[] = [];
  return {
    opened,
    open: async () => {
      const worker = new Worker();
      opened.push(worker);
      return worker;
    },
    close: async (worker) => {
      worker.isClosed = true;
    },
    destroy: (worker) => worker.destroy(),
  };
}

/** What the tasks did, in the order in which they did it. */
function recorded() {
  const log: string[] = [];
  const task = (id: string, more: Partial<Task<Worker>> = {}): Task<Worker> => ({
    weight: 0,
    ...more,
    run: async (worker) => {
      log.push(`${id} begins`);
      await (more.run ?? (() => worker.work(10)))(worker);
      log.push(`${id} ends`);
    },
  });
  return {
    log,
    task,
    order: () => log.filter((line) => line.endsWith('begins')).map((line) => line.split(' ')[0]),
  };
}

test('each task runs once, on as many workers as there are jobs', async () => {
  const { log, task } = recorded();
  const source = workers();
  const names = Array.from({ length: 50 }, (_, n) => `t${n}`);
  await runTasks(
    names.map((name) => task(name)),
    4,
    source,
  );
  expect(log.toSorted()).toEqual(names.flatMap((name) => [`${name} begins`, `${name} ends`]).toSorted());
  expect(source.opened).toHaveLength(4);
  expect(source.opened.every(({ isClosed }) => isClosed)).toBe(true);
});

test('no more workers are opened than there are tasks, and none for none', async () => {
  const { task } = recorded();
  const [few, none] = [workers(), workers()];
  await runTasks([task('a'), task('b')], 8, few);
  await runTasks([], 8, none);
  expect([few.opened.length, none.opened.length]).toEqual([2, 0]);
});

test('the heaviest task begins first', async () => {
  const { task, order } = recorded();
  const weights = [3, Number.POSITIVE_INFINITY, 1, 2, 5];
  await runTasks(
    weights.map((weight) => task(String(weight), { weight })),
    1,
    workers(),
  );
  expect(order()).toEqual(['Infinity', '5', '3', '2', '1']);
});

test('the first failure ends the other workers in the middle, and is the one that is thrown', async () => {
  const { log, task } = recorded();
  const source = workers();
  const failure = new Error('the first');
  const tasks = [
    task('long', { weight: 3, run: (worker) => worker.work(60_000) }),
    task('failing', { weight: 2, run: () => sleep(20).then(() => Promise.reject(failure)) }),
    task('never', { weight: 1 }),
  ];
  const begun = performance.now();
  await expect(runTasks(tasks, 2, source)).rejects.toBe(failure);
  expect(performance.now() - begun).toBeLessThan(10_000);
  expect(log).not.toContain('never begins');
  expect(source.opened.every(({ isClosed }) => isClosed)).toBe(true);
});

test('a worker that cannot be opened fails the run, and the others are closed', async () => {
  const { task } = recorded();
  const source = workers();
  let opened = 0;
  const scarce = {
    ...source,
    open: async () => {
      if (opened++ === 1) throw new Error('too many connections');
      return source.open();
    },
  };
  const tasks = [task('a', { run: (worker) => worker.work(60_000) }), task('b'), task('c')];
  await expect(runTasks(tasks, 3, scarce)).rejects.toThrow('too many connections');
  expect(source.opened.every(({ isClosed }) => isClosed)).toBe(true);
});

test('an abort ends the workers in the middle, with the reason', async () => {
  const { log, task } = recorded();
  const source = workers();
  const controller = new AbortController();
  const reason = new Error('interrupted');
  const run = runTasks(
    [task('long', { run: (worker) => worker.work(60_000) }), task('next')],
    1,
    source,
    controller.signal,
  );
  setTimeout(() => controller.abort(reason), 20);
  await expect(run).rejects.toBe(reason);
  expect(log).toEqual(['long begins']);
  expect(source.opened.every(({ isClosed, isDestroyed }) => isClosed && isDestroyed)).toBe(true);
});

test('a signal that was aborted before lets nothing begin', async () => {
  const { log, task } = recorded();
  const source = workers();
  const reason = new Error('interrupted');
  await expect(runTasks([task('a')], 2, source, AbortSignal.abort(reason))).rejects.toBe(reason);
  expect([log, source.opened]).toEqual([[], []]);
});
