import { pino } from 'pino';
import type { DumpOutcome } from '../archive/dump-options.js';
import type { Renderer } from './renderer.js';

/** For machines: each event a JSON object on a line of its own, on stderr. */
export function jsonLinesRenderer(): Renderer & { dumped(outcome: DumpOutcome): void } {
  const logger = pino(
    {
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    // What cannot be written is an event of the stream; a destination of pino's own would throw it.
    process.stderr,
  );
  return {
    show: (event) => logger.info(event),
    finished: (outcome) => {
      const { leftOut: _, notices: __, stages: ___, verification, ...totals } = outcome;
      logger.info({ type: 'finished', ...totals, equal: verification?.equal });
    },
    dumped: ({ notices: _, ...outcome }) => logger.info({ type: 'finished', ...outcome }),
    failed: (error) =>
      logger.error({ type: 'failed', code: error.code, message: error.message, hint: error.hint }),
  };
}
