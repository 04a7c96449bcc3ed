import { HyperferryError } from '../postgres/error.js';

/** A piece of work for one worker. */
export interface Task<Worker> {
  readonly id: string;
  /** Tasks that must be done before. */
  readonly after: readonly string[];
  /** Names of which no two running tasks share one. */
  readonly locks: readonly string[];
  /** Of the tasks that are ready, the heaviest begins first. */
  readonly weight: number;
  run(worker: Worker): Promise<void>;
}

export interface WorkerSource<Worker> {
  open(): Promise<Worker>;
  close(worker: Worker): Promise<void>;
  /** Ends a worker in the middle of its task. */
  destroy(worker: Worker): void;
}

/**
 * Runs tasks on `jobs` workers. A task begins when those before it are done and no running task holds one of its
 * locks. The first failure stops the others in the middle of what they do; its error is thrown.
 */
export async function runTasks<Worker>(
  tasks: readonly Task<Worker>[],
  jobs: number,
  workers: WorkerSource<Worker>,
  signal?: AbortSignal,
): Promise<void> {
  if (tasks.length === 0) return;
  const waiting = new Set([...tasks].sort((a, b) => b.weight - a.weight));
  const pending = new Set(tasks.map(({ id }) => id));
  const held = new Set<string>();
  const open = new Set<Worker>();
  let running = 0;
  let failure: { readonly error: unknown } | undefined;
  let wake: (() => void)[] = [];

  const wakeAll = (): void => {
    const sleepers = wake;
    wake = [];
    for (const proceed of sleepers) proceed();
  };
  const fail = (error: unknown): void => {
    if (failure) return;
    failure = { error };
    for (const worker of open) workers.destroy(worker);
    wakeAll();
  };
  const takeReady = (): Task<Worker> | undefined => {
    for (const task of waiting) {
      if (task.after.some((id) => pending.has(id)) || task.locks.some((lock) => held.has(lock))) continue;
      waiting.delete(task);
      for (const lock of task.locks) held.add(lock);
      return task;
    }
    return undefined;
  };
  const work = async (): Promise<void> => {
    const worker = await workers.open();
    open.add(worker);
    try {
      while (!failure && waiting.size > 0) {
        const task = takeReady();
        if (!task && running === 0) {
          throw new HyperferryError(
            'INTERNAL',
            `no task can begin: ${[...waiting].map(({ id }) => id).join(', ')}`,
          );
        }
        if (!task) {
          await new Promise<void>((resolve) => {
            wake.push(resolve);
          });
          continue;
        }
        running++;
        await task.run(worker);
        running--;
        pending.delete(task.id);
        for (const lock of task.locks) held.delete(lock);
        wakeAll();
      }
    } finally {
      open.delete(worker);
      await workers.close(worker);
    }
  };

  const onAbort = (): void => fail(signal?.reason);
  if (signal?.aborted) throw signal.reason;
  signal?.addEventListener('abort', onAbort);
  try {
    const count = Math.max(1, Math.min(jobs, tasks.length));
    await Promise.all(Array.from({ length: count }, () => work().catch(fail)));
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
  if (failure) throw failure.error;
}
