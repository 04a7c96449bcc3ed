import type { Emit } from '../engine/events.js';
import type { Connection } from '../postgres/connection-string.js';
import { Session } from '../postgres/session.js';
import type { MigrateOptions } from './options.js';

/** One call of `migrate`, before there is a plan. */
export interface Run {
  readonly options: MigrateOptions;
  readonly connections: { readonly source: Connection; readonly target: Connection };
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** What is to be closed at the end, in the reverse order. */
  readonly closing: (() => Promise<void>)[];
  /** What both sides are left as if the run ends now. */
  readonly state: {
    target: 'unchanged' | 'half done' | 'done';
    isRestoring: boolean;
    updatedSourceTo: string | undefined;
  };
}

/** A session that ends with the run. */
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
