import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { markDone, markRowsDone } from '../engine/done.js';
import type { Emit, StageName } from '../engine/events.js';
import {
  type ClaimedRow,
  claimedWork,
  claimTask,
  finishTask,
  type QueueState,
  readQueueState,
} from '../engine/queue.js';
import { Bell, runTogether } from '../engine/together.js';
import type { Work } from '../plan/work.js';
import { buildMemory } from '../postgres/build-memory.js';
import type { Connection } from '../postgres/connection-string.js';
import { HyperferryError } from '../postgres/error.js';
import { Session } from '../postgres/session.js';
import { isTransient } from '../postgres/transient.js';
import { analyze } from './work/analyze.js';
import type { Brought, WorkerSessions, WorkerSettings } from './work/context.js';
import { copyLargeObjects } from './work/large-objects.js';
import { loadLargeObjects } from './work/load-large-objects.js';
import { loadRows } from './work/load-rows.js';
import { copyRows } from './work/rows.js';
import { runStatementsInTransaction } from './work/statements.js';

/** What a worker works with. */
export interface WorkerContext {
  /** The way to the server; a dump has none. */
  readonly source: Connection | undefined;
  readonly target: Connection;
  readonly attempt: number;
  readonly settings: WorkerSettings;
  /** Workers at a time. */
  readonly jobs: number;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/** Who holds a task, for people. */
export const WORKER_NAME = `${hostname()}:${process.pid}`;

/** Others that work on the same run are not heard; so one looks again. */
const LOOK_AGAIN_MILLISECONDS = 250;

/** Waits between attempts at a task, a minute in all: a server that restarts is there again by then. */
const RETRY_SECONDS = [0.5, 1, 2, 4, 8, 15, 30];

/** Works on a stage of the run until all of its tasks are done, by whomever. */
export async function workOnStage(stage: StageName, context: WorkerContext): Promise<void> {
  const next = (state: QueueState): StageName | undefined =>
    state.stage === stage && state.unfinishedInStage > 0 ? stage : undefined;
  await work(context, next, stage);
}

/**
 * Works on whatever stage the run is in, until all tasks are done.
 * @throws HyperferryError `STOPPED` when the run has no coordinator
 */
export async function workOnRun(context: WorkerContext): Promise<void> {
  await work(context, ({ stage, unfinished, isUnderWay }) => {
    if (unfinished === 0) return undefined;
    if (isUnderWay) return stage;
    throw new HyperferryError('STOPPED', 'nobody goes on with the run');
  });
}

/** @param next the stage to take tasks of, or undefined when there is nothing left to do */
async function work(
  context: WorkerContext,
  next: (state: QueueState) => StageName | undefined,
  first?: StageName,
): Promise<void> {
  const bell = new Bell();
  await runTogether(
    context.jobs,
    async (signal) => {
      const worker = new Worker(context, signal);
      try {
        for (let stage = first ?? next(await worker.queueState()); stage !== undefined; ) {
          await worker.takeTasks(stage, () => bell.ring());
          stage = next(await worker.queueState());
          if (stage !== undefined) await bell.heard(LOOK_AGAIN_MILLISECONDS);
        }
      } finally {
        bell.ring();
        await worker.close();
      }
    },
    context.signal,
  );
}

/** One pair of connections, which are made anew when they are lost. */
class Worker {
  readonly #context: WorkerContext;
  readonly #signal: AbortSignal;
  #source: Session | undefined;
  #target: Session | undefined;

  constructor(context: WorkerContext, signal: AbortSignal) {
    this.#context = context;
    this.#signal = signal;
    signal.addEventListener('abort', () => this.#destroy());
  }

  /**
   * Does one task of the stage after the other, until none is ready. The message that commits a task claims the next one.
   * @param onDone called after each
   */
  takeTasks(stage: StageName, onDone: () => void): Promise<void> {
    return this.#retrying(async (sessions, succeeded) => {
      const { target } = sessions;
      const begin = `BEGIN; ${claimTask(this.#context.attempt, stage)}`;
      await target.transaction<void, ClaimedRow>(async ([first]) => {
        for (let task = first; task; ) {
          const brought = await perform(claimedWork(task), sessions, this.#context);
          const commit = `${marksOf(brought)}${finishTask(task.id, WORKER_NAME)}\nCOMMIT;\n${begin}`;
          [task] = await target.query<ClaimedRow>(commit);
          this.#tell(brought);
          succeeded();
          onDone();
        }
      }, begin);
    });
  }

  #tell({ rows, notices }: Brought): void {
    const { emit } = this.#context;
    for (const { object, kind, rows: count, bytes, sourceBytes } of rows) {
      emit({ type: 'relation-copied', relation: object, kind, rows: count, bytes, sourceBytes });
    }
    for (const message of notices) emit({ type: 'notice', message });
  }

  queueState(): Promise<QueueState> {
    return this.#retrying(({ target }) => readQueueState(target, this.#context.attempt));
  }

  async close(): Promise<void> {
    await Promise.all([this.#source?.close(), this.#target?.close()]);
  }

  /** @param attempt says when it has succeeded at something: what fails then fails for the first time */
  async #retrying<T>(attempt: (sessions: WorkerSessions, succeeded: () => void) => Promise<T>): Promise<T> {
    let failures = 0;
    const succeeded = (): void => {
      failures = 0;
    };
    for (;;) {
      this.#signal.throwIfAborted();
      try {
        return await attempt(await this.#open(), succeeded);
      } catch (error) {
        this.#destroy();
        this.#signal.throwIfAborted();
        const seconds = RETRY_SECONDS[failures++];
        if (!isTransient(error) || seconds === undefined) throw error;
        this.#context.emit({ type: 'retry', reason: (error as Error).message, seconds });
        await sleep(seconds * 1000, undefined, { signal: this.#signal });
      }
    }
  }

  async #open(): Promise<WorkerSessions> {
    this.#target ??= await this.#opened('target', this.#context.target);
    return {
      target: this.#target,
      openSource: async () => {
        const { source } = this.#context;
        if (!source) throw new HyperferryError('INTERNAL', 'a dump has no server to connect to');
        this.#source ??= await this.#opened('source', source);
        return this.#source;
      },
    };
  }

  async #opened(side: 'source' | 'target', connection: Connection): Promise<Session> {
    const memory = `SELECT pg_catalog.set_config('maintenance_work_mem', (${buildMemory(this.#context.settings.jobs)} / 1024)::text || 'kB', false)`;
    const session = await Session.open(side, connection, side === 'target' ? { settings: memory } : {});
    // The abort may have come in between.
    if (this.#signal.aborted) session.destroy();
    return session;
  }

  #destroy(): void {
    this.#source?.destroy();
    this.#target?.destroy();
    this.#source = undefined;
    this.#target = undefined;
  }
}

function marksOf({ objects, rows }: Brought): string {
  return (
    (objects.length > 0 ? markDone(objects) : '') + (rows.length > 0 ? markRowsDone(rows, WORKER_NAME) : '')
  );
}

function perform(work: Work, sessions: WorkerSessions, { settings }: WorkerContext): Promise<Brought> {
  const { rows } = settings;
  switch (work.kind) {
    case 'copy':
      return rows.kind === 'server'
        ? copyRows(work, sessions, rows, settings)
        : loadRows(work, sessions.target, rows, settings);
    case 'statements':
      return runStatementsInTransaction(work, sessions.target);
    case 'large objects':
      return rows.kind === 'server'
        ? copyLargeObjects(work, sessions, rows)
        : loadLargeObjects(work, sessions.target, rows);
    case 'analyze':
      return analyze(work, sessions.target);
    default:
      throw new HyperferryError(
        'INTERNAL',
        `no worker knows the task ${JSON.stringify(work satisfies never)}`,
      );
  }
}
