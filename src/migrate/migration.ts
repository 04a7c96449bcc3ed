import type { DoneMark } from '../engine/done.js';
import type { Emit, StageName } from '../engine/events.js';
import type { SequenceValue } from '../inventory/sequences.js';
import type { LeftOut } from '../plan/left-out.js';
import type { Plan } from '../plan/plan.js';
import type { Connection } from '../postgres/connection-string.js';
import { inSession, type Session } from '../postgres/session.js';
import type { Verification } from '../verify/verification.js';
import type { HeldSnapshot } from './origin.js';
import type { Standing } from './standing.js';
import type { Planned } from './tasks.js';
import type { WorkerSettings } from './work/context.js';
import type { WorkerProcesses } from './worker-processes.js';

/** What every stage works with: the plan, and the ways to both servers. */
export interface Migration {
  readonly plan: Plan;
  readonly source: {
    /** The way to the server; a dump has none. */
    readonly connection: Connection | undefined;
    readonly snapshot: HeldSnapshot;
  };
  readonly target: {
    readonly connection: Connection;
    readonly session: Session;
    /** Takes a fresh session: one that has used TimescaleDB keeps the library of that version. */
    renewSession(): Promise<void>;
  };
  /** Workers at a time, in all processes. */
  readonly jobs: number;
  readonly processes: WorkerProcesses;
  /** Counts the attempts of the run from 1. */
  readonly attempt: number;
  /** What the workers have to do; the tasks themselves are in the ledger. */
  readonly planned: Planned;
  /** What stands on the target since an earlier attempt. */
  readonly standing: Standing;
  /** The ledger's marks of it, when the attempt began. */
  readonly doneBefore: readonly DoneMark[];
  /** Stages that an earlier attempt has finished. */
  readonly finishedBefore: ReadonlySet<StageName>;
  readonly workerSettings: WorkerSettings;
  /** Whether the ledger stays when all is done. */
  readonly keepLedger: boolean;
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

/**
 * A stage of a migration.
 * @param entered that the ledger has the stage; what is asked of the target's session comes after in any case
 */
export type Stage = (migration: Migration, entered: Promise<void>) => Promise<void>;

/** Runs `work` with a session of its own on the target. */
export function withTargetSession<T>(
  { target, signal }: Migration,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  return inSession('target', target.connection, work, signal);
}
