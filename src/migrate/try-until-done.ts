import { setTimeout as sleep } from 'node:timers/promises';
import { HyperferryError } from '../postgres/error.js';
import { isTransient } from '../postgres/transient.js';
import type { Run } from './run.js';

/**
 * Waits before the next attempt, two minutes in all: a server that restarts is there again by then, and one that was
 * not told of a cut connection has seen by its keepalives that the session has no client.
 */
const RETRY_SECONDS = [1, 2, 5, 10, 20, 30, 30, 30];

/** A source that is rewritten again and again is not one at rest. */
const ATTEMPTS_AFTER_REWRITES = 5;

/**
 * Tries again what may succeed at the next attempt, which goes on where the one before stopped: when a connection was
 * lost, above all the one that held the snapshot; and, if asked for, when the source was rewritten.
 */
export async function tryUntilDone<T>(run: Run, attempt: () => Promise<T>): Promise<T> {
  let lost = 0;
  let rewritten = 0;
  let copiedBefore = 0;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!run.state.hasLedger || run.signal.aborted) throw error;
      // What made progress may be lost again as often.
      if (run.state.relationsCopied > copiedBefore) lost = 0;
      copiedBefore = run.state.relationsCopied;
      const wasRewritten = error instanceof HyperferryError && error.code === 'SOURCE_CHANGED';
      const mayGoOn = wasRewritten
        ? run.options.onRewrite === 'retry' && rewritten++ < ATTEMPTS_AFTER_REWRITES
        : isLost(error) || (run.isResumed && lost > 0 && isHeldByOldSession(error));
      const seconds = wasRewritten ? 0 : RETRY_SECONDS[lost++];
      if (!mayGoOn || seconds === undefined) throw error;
      run.emit({ type: 'retry', reason: (error as Error).message, seconds });
      await sleep(seconds * 1000, undefined, { signal: run.signal });
      run.isResumed = true;
    }
  }
}

function isLost(error: unknown): boolean {
  return isTransient(error) || (error instanceof HyperferryError && error.code === 'SNAPSHOT_LOST');
}

/** Where the network went and the target did not see it, the session of the attempt before still has its lock. */
function isHeldByOldSession(error: unknown): boolean {
  return error instanceof HyperferryError && error.code === 'TARGET_BUSY';
}
