import type { Inventory } from '../inventory/inventory.js';
import type { Session, Side } from '../postgres/session.js';
import { BEGIN_READING, withSnapshot } from '../postgres/snapshot.js';

/** The way to one of the two databases, and to the state of it that is compared. */
export interface SideAccess {
  readonly side: Side;
  /** A session that can import the snapshot. */
  open(): Promise<Session>;
  /** The exported snapshot; undefined where the caller knows that nobody changes the database. */
  readonly snapshot: string | undefined;
}

/** One of the two databases, and what it holds. */
export interface ComparedSide extends SideAccess {
  readonly inventory: Inventory;
}

/**
 * What a session needs beyond its fixed state, so that equal values print equally: arrays and composites of
 * timestamps print in the session's time zone, those of `money` by its locale. Parallel workers and compiled
 * expressions are for one large query; here many small ones run at once, and compiling each chunk's takes longer
 * than reading it.
 */
const SET_COMPARING_STATE = `
SET TimeZone = 'UTC'; SET lc_monetary = 'C'; SET jit = off; SET max_parallel_workers_per_gather = 0`;

export async function openComparingSession(side: SideAccess): Promise<Session> {
  const session = await side.open();
  try {
    await session.query(SET_COMPARING_STATE);
  } catch (error) {
    await session.close();
    throw error;
  }
  return session;
}

/**
 * Runs `work` in a transaction that changes nothing and sees the state that is compared.
 * @throws HyperferryError `SNAPSHOT_LOST` when the session that exported the snapshot has ended
 */
export function readingCompared<T>(
  { snapshot }: SideAccess,
  session: Session,
  work: () => Promise<T>,
): Promise<T> {
  return snapshot === undefined
    ? session.transaction(work, BEGIN_READING)
    : withSnapshot(session, snapshot, work);
}

/** Runs `work` with a session and a transaction of its own. */
export async function withComparingSession<T>(
  side: SideAccess,
  signal: AbortSignal | undefined,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const session = await openComparingSession(side);
  const abort = (): void => session.destroy();
  signal?.addEventListener('abort', abort);
  try {
    // The abort may have come while the session was opened.
    signal?.throwIfAborted();
    return await readingCompared(side, session, () => work(session));
  } finally {
    signal?.removeEventListener('abort', abort);
    await session.close();
  }
}
