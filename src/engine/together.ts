import { setMaxListeners } from 'node:events';

/**
 * Runs `count` workers side by side. The first failure aborts the signal of the others; its error is thrown when all
 * have ended.
 */
export async function runTogether(
  count: number,
  work: (signal: AbortSignal) => Promise<void>,
  outer?: AbortSignal,
): Promise<void> {
  const controller = new AbortController();
  // Each worker listens; more than ten are no leak.
  setMaxListeners(0, controller.signal);
  const abort = (): void => controller.abort(outer?.reason);
  outer?.throwIfAborted();
  outer?.addEventListener('abort', abort);
  const failures: unknown[] = [];
  await Promise.all(
    Array.from({ length: count }, () =>
      work(controller.signal).catch((error: unknown) => {
        failures.push(error);
        controller.abort(error);
      }),
    ),
  );
  outer?.removeEventListener('abort', abort);
  outer?.throwIfAborted();
  if (failures.length > 0) throw failures[0];
}

/** Wakes those who wait for something to happen. */
export class Bell {
  readonly #sleepers = new Set<() => void>();

  ring(): void {
    for (const wake of this.#sleepers) wake();
  }

  /** Resolves at the next ring, or when the time is over. */
  async heard(milliseconds: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#sleepers.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, milliseconds);
      this.#sleepers.add(wake);
    });
  }
}
