import { EXIT } from './exit-codes.js';

/** A server that cannot be reached must not keep anybody waiting; whatever is left undone mends itself. */
const END_MILLISECONDS = 9000;

/**
 * Runs `work` with a signal that the first SIGINT or SIGTERM aborts: what is in hand is rolled back and the source
 * put back as it was. The second ends the process at once.
 */
export async function withInterrupt<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted);
    controller.abort(new Error('interrupted'));
    process.stderr.write('\nStopping; once more to end at once.\n');
    setTimeout(() => {
      process.stderr.write('Not all could be ended in order; it ends by itself.\n');
      process.exit(EXIT.interrupted);
    }, END_MILLISECONDS).unref();
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  try {
    return await work(controller.signal);
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}
