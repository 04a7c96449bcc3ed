import { jsonLinesRenderer } from '../report/json-lines.js';
import { EXIT } from './exit-codes.js';

/** A server that cannot be reached must not keep anybody waiting; whatever is left undone mends itself. */
const END_MILLISECONDS = 9000;

/** What became of the jobs that were put off is not known where the source does not answer. */
export const JOBS_RUN_AGAIN =
  'Background jobs of the source that were put off run again by themselves within 15 minutes.';

/** SIGHUP comes when the terminal has gone, such as that of an ssh session. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs `work` with a signal that the first SIGINT, SIGTERM or SIGHUP aborts: what is in hand is rolled back and the source
 * put back as it was. The second ends the process at once.
 *
 * @param left what `work` leaves behind where it cannot end in order, if anything
 */
export async function withInterrupt<T>(
  logFormat: 'text' | 'json',
  work: (signal: AbortSignal) => Promise<T>,
  left: () => string | undefined = () => undefined,
): Promise<T> {
  const controller = new AbortController();
  const say = (message: string): void => {
    if (logFormat === 'json') jsonLinesRenderer().show({ type: 'notice', message });
    else process.stderr.write(`\n${message}\n`);
  };
  const end = (): never => {
    const message = left();
    if (message) say(message);
    process.exit(EXIT.interrupted);
  };
  const interrupt = (): void => {
    if (controller.signal.aborted) end();
    controller.abort(new Error('interrupted'));
    say('Stopping; once more to end at once.');
    setTimeout(() => {
      say('Not all could be ended in order; it ends by itself.');
      end();
    }, END_MILLISECONDS).unref();
  };
  for (const name of SIGNALS) process.on(name, interrupt);
  try {
    return await work(controller.signal);
  } finally {
    for (const name of SIGNALS) process.off(name, interrupt);
  }
}
