import { setTimeout as sleep } from 'node:timers/promises';
import { type DoneMark, readCopiedElsewhere, readLastPosition } from '../engine/done.js';
import type { Emit, StageName } from '../engine/events.js';
import { readOpenAttempt } from '../engine/ledger.js';
import type { Task } from '../engine/queue.js';
import type { SequenceValue } from '../inventory/sequences.js';
import type { LeftOut } from '../plan/left-out.js';
import type { Plan } from '../plan/plan.js';
import type { Connection } from '../postgres/connection-string.js';
import { HyperferryError } from '../postgres/error.js';
import { inSession, type Session } from '../postgres/session.js';
import { isTransient } from '../postgres/transient.js';
import type { Verification } from '../verify/verification.js';
import type { Standing } from './standing.js';
import type { WorkerSettings } from './work/context.js';
import { WORKER_NAME, workOnStage } from './worker.js';

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
  /** Counts the attempts of the run from 1. */
  readonly attempt: number;
  /** What the workers have to do. */
  readonly tasks: readonly Task[];
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

/** A stage of a migration. */
export type Stage = (migration: Migration) => Promise<void>;

/** Works on the tasks of a stage, together with workers elsewhere. */
export async function workOnQueue(stage: StageName, migration: Migration): Promise<void> {
  const { source, target, attempt, workerSettings, jobs, emit } = migration;
  const tasks = migration.tasks.filter((task) => task.stage === stage);
  if (tasks.length === 0) return;
  const listener = listenElsewhere(migration, await readLastPosition(target.session));
  try {
    await workOnStage(stage, {
      source: source.connection,
      target: target.connection,
      settings: workerSettings,
      attempt,
      jobs: Math.min(jobs, tasks.length),
      emit,
      signal: listener.signal,
    });
    await listener.hearLast();
  } finally {
    await listener.stop();
  }
}

const LISTEN_MILLISECONDS = 1000;

/** When the stage is over, for a server that starts again; then the next attempt begins. */
const LAST_TRIES = 15;

interface Listener {
  /** Aborted with the migration's own, and when another attempt has the target. */
  readonly signal: AbortSignal;
  /** Waits for the session that holds the target to be there. */
  hearLast(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Tells of the rows that workers elsewhere have copied, and so sees when the session that holds the target is lost. While
 * nobody else has taken it, another session does: what the workers have in hand is not given up for it.
 */
function listenElsewhere({ target, attempt, emit, signal }: Migration, begin: number): Listener {
  const controller = new AbortController();
  const abort = (): void => controller.abort(signal.reason);
  signal.addEventListener('abort', abort);
  if (signal.aborted) abort();
  let since = begin;
  let listening: Promise<void> | undefined;
  const read = async (): Promise<void> => {
    for (const { position, ...copied } of await readCopiedElsewhere(target.session, WORKER_NAME, since)) {
      since = position;
      emit({ type: 'relation-copied', ...copied });
    }
  };
  const takeAgain = async (): Promise<void> => {
    await target.renewSession();
    if ((await readOpenAttempt(target.session)).attempt === attempt) return;
    throw new HyperferryError('STOPPED', 'another attempt goes on with the run');
  };
  const orTakeAgain = async (error: unknown): Promise<void> => {
    if (isTransient(error)) await takeAgain();
    else throw error;
  };
  const mayPass = (error: unknown): boolean =>
    isTransient(error) || (error instanceof HyperferryError && error.code === 'TARGET_BUSY');
  const listen = (): void => {
    listening ??= read()
      .catch(orTakeAgain)
      .catch((error: unknown) => {
        if (!mayPass(error)) controller.abort(error);
      })
      .finally(() => {
        listening = undefined;
      });
  };
  const timer = setInterval(listen, LISTEN_MILLISECONDS);
  return {
    signal: controller.signal,
    hearLast: async () => {
      for (let tries = 1; ; tries++) {
        await listening;
        controller.signal.throwIfAborted();
        try {
          return await read();
        } catch (error) {
          if (!mayPass(error) || tries === LAST_TRIES) throw error;
          listen();
          await sleep(LISTEN_MILLISECONDS);
        }
      }
    },
    stop: async () => {
      clearInterval(timer);
      signal.removeEventListener('abort', abort);
      await listening;
    },
  };
}

/** Runs `work` with a session of its own on the target. */
export function withTargetSession<T>(
  { target, signal }: Migration,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  return inSession('target', target.connection, work, signal);
}
