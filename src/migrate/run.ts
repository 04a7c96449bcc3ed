import type { Emit, StageName } from '../engine/events.js';
import type { Connection } from '../postgres/connection-string.js';
import { Session, type Side } from '../postgres/session.js';
import type { Parts, RunOptions } from './options.js';
import type { WorkerProcesses } from './worker-processes.js';

/** One call of `migrate`: one attempt after the other, until one succeeds or fails for good. */
export interface Run {
  readonly options: RunOptions & Parts;
  readonly source: {
    /** For people and for the ledger; never with a password. */
    readonly name: string;
    /** As it was given; a dump has none. */
    readonly url: string | undefined;
  };
  readonly target: Connection;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** Whether the attempt goes on with what an earlier one has left. */
  isResumed: boolean;
  /** Where the workers are, from the first attempt on. */
  processes: WorkerProcesses | undefined;
  /** The sessions of the attempt, in the order in which they were opened, and how each is closed. */
  readonly sessions: Map<Session, () => Promise<void>>;
  /** What both sides are left as if the run ends now. */
  readonly state: {
    target: 'unchanged' | 'half done' | 'done';
    /** Whether the target holds what is needed to go on. */
    hasLedger: boolean;
    attempt: number;
    /** In all attempts. */
    relationsCopied: number;
    stage: StageName;
    isRestoring: boolean;
    updatedSourceTo: string | undefined;
  };
}

/**
 * What the coordinator has committed must be there after a crash of the target, since the attempt goes on from it; and with
 * it, what workers had committed before. Theirs alone need not wait: what is lost is not marked as done, and is done again.
 * (A twentieth of the time of a copy, on a server that has this off.)
 */
const AWAIT_COMMITS = `
SELECT pg_catalog.set_config('synchronous_commit', 'local', false)
WHERE pg_catalog.current_setting('synchronous_commit') = 'off'`;

/** A session that ends with the attempt, and at once when the run is to stop. */
export async function openSession(
  run: Pick<Run, 'signal' | 'sessions'>,
  side: Side,
  connection: Connection,
): Promise<Session> {
  run.signal.throwIfAborted();
  const session = await Session.open(side, connection, side === 'target' ? { settings: AWAIT_COMMITS } : {});
  const end = (): void => session.destroy();
  run.signal.addEventListener('abort', end);
  run.sessions.set(session, async () => {
    run.signal.removeEventListener('abort', end);
    await session.close();
  });
  if (run.signal.aborted) end();
  return session;
}

/**
 * Like `Promise.all`, but what fails is thrown when all the rest is over as well: nothing goes on after the attempt, and no
 * session is opened that nobody closes.
 */
export async function allOver<T extends readonly unknown[]>(
  work: {
    [Index in keyof T]: Promise<T[Index]>;
  },
): Promise<T> {
  await Promise.allSettled(work);
  return Promise.all(work) as Promise<unknown> as Promise<T>;
}

/** Ends a session before the attempt does. */
export async function closeSession({ sessions }: Pick<Run, 'sessions'>, session: Session): Promise<void> {
  const close = sessions.get(session);
  sessions.delete(session);
  await close?.();
}
