import { runTogether } from '../engine/together.js';

/** A piece of work for one worker, which depends on no other. */
export interface Task<Worker> {
  /** The heaviest task begins first. */
  readonly weight: number;
  run(worker: Worker): Promise<void>;
}

export interface WorkerSource<Worker> {
  open(): Promise<Worker>;
  close(worker: Worker): Promise<void>;
  /** Ends a worker in the middle of its task. */
  destroy(worker: Worker): void;
}

/** Runs tasks on `jobs` workers. The first failure stops the others in the middle of what they do; it is thrown. */
export async function runTasks<Worker>(
  tasks: readonly Task<Worker>[],
  jobs: number,
  workers: WorkerSource<Worker>,
  signal?: AbortSignal,
): Promise<void> {
  const waiting = tasks.toSorted((a, b) => b.weight - a.weight);
  const count = Math.min(jobs, tasks.length);
  await runTogether(
    count,
    async (stop) => {
      const worker = await workers.open();
      const destroy = (): void => workers.destroy(worker);
      stop.addEventListener('abort', destroy);
      if (stop.aborted) destroy();
      try {
        for (let task = waiting.shift(); task && !stop.aborted; task = waiting.shift())
          await task.run(worker);
      } finally {
        await workers.close(worker);
      }
    },
    signal,
  );
}
