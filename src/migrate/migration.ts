import type { Emit } from '../engine/events.js';
import type { WorkerSource } from '../engine/pool.js';
import type { SequenceValue } from '../inventory/sequences.js';
import type { LeftOut } from '../plan/left-out.js';
import type { Plan } from '../plan/plan.js';
import type { Connection } from '../postgres/connection-string.js';
import { Session } from '../postgres/session.js';
import type { Verification } from '../verify/verification.js';

/** What every stage works with: the plan, and the ways to both servers. */
export interface Migration {
  readonly plan: Plan;
  readonly source: {
    readonly connection: Connection;
    /** In the transaction that holds the snapshot. */
    readonly session: Session;
    readonly snapshot: string;
  };
  readonly target: {
    readonly connection: Connection;
    readonly session: Session;
    /** Takes a fresh session: one that has used TimescaleDB keeps the library of that version. */
    renewSession(): Promise<void>;
  };
  /** Workers at a time. */
  readonly jobs: number;
  readonly signal: AbortSignal;
  readonly emit: Emit;
  /** Notes that the target does not get something. */
  leaveOut(item: LeftOut): void;
  readonly leftOut: readonly LeftOut[];
  /** The values that the sequences were given: the source's may go on. */
  sequenceValues: readonly SequenceValue[];
  /** What the comparison of both sides found. */
  verification: Verification | undefined;
  /** Whether the target did not get the object, by its name in `Statement.object`. */
  isLeftOut(object: string): boolean;
}

/** A stage of a migration. */
export type Stage = (migration: Migration) => Promise<void>;

/** Workers that need the target alone. */
export function targetWorkers({ target }: Migration): WorkerSource<Session> {
  return {
    open: () => Session.open('target', target.connection),
    close: (session) => session.close(),
    destroy: (session) => session.destroy(),
  };
}

/** Runs `work` with a session of its own on the target. */
export async function withTargetSession<T>(
  migration: Migration,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await Session.open('target', migration.target.connection);
  const abort = (): void => session.destroy();
  migration.signal.addEventListener('abort', abort);
  try {
    return await work(session);
  } finally {
    migration.signal.removeEventListener('abort', abort);
    await session.close();
  }
}
