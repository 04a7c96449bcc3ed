import type { Emit } from '../engine/events.js';
import type { Connection } from '../postgres/connection-string.js';
import { Session } from '../postgres/session.js';
import type { HeldJobs } from '../timescale/jobs.js';
import type { MigrateOptions } from './options.js';

/** One call of `migrate`: one attempt after the other, until one succeeds or fails for good. */
export interface Run {
  readonly options: MigrateOptions;
  readonly connections: { readonly source: Connection; readonly target: Connection };
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** Whether the attempt goes on with what an earlier one has left. */
  isResumed: boolean;
  /** The source's background jobs, while they are held off. */
  heldJobs: HeldJobs | undefined;
  /** What is to be closed at the end of the attempt, in the reverse order. */
  readonly closing: (() => Promise<void>)[];
  /** What both sides are left as if the run ends now. */
  readonly state: {
    target: 'unchanged' | 'half done' | 'done';
    /** Whether the target holds what is needed to go on. */
    hasLedger: boolean;
    isRestoring: boolean;
    updatedSourceTo: string | undefined;
  };
}

/** A session that ends with the attempt. */
export async function openSession(run: Run, side: 'source' | 'target'): Promise<Session> {
  const session = await Session.open(side, run.connections[side]);
  run.closing.push(() => session.close());
  return session;
}

/**
 * Lets an abort end what the session does at once.
 * @returns a function that takes that back
 */
export function endOnAbort(run: Run, session: Session): () => void {
  const end = (): void => session.destroy();
  run.signal.addEventListener('abort', end, { once: true });
  return () => run.signal.removeEventListener('abort', end);
}
