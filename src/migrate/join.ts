import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Emit } from '../engine/events.js';
import { type OpenAttempt, readOpenAttempt, stopRun } from '../engine/ledger.js';
import { commandOf, LEDGER_FORMAT, type RecordedRun, readRecordedRun } from '../inventory/recorded-run.js';
import { readDatabaseIdentity } from '../inventory/server.js';
import { type Connection, describeConnection, parseConnection } from '../postgres/connection-string.js';
import { databaseError } from '../postgres/database-error.js';
import { HyperferryError } from '../postgres/error.js';
import { ownError } from '../postgres/own-error.js';
import { inSession, type Session } from '../postgres/session.js';
import { isTransient } from '../postgres/transient.js';
import type { WorkerSettings } from './work/context.js';
import { type WorkerContext, workOnRun } from './worker.js';

export interface JoinOptions {
  /** The target of the run that is to be helped. */
  readonly target: string;
  /** The source; by default the one that the run names, whose password libpq's means must give. */
  readonly source?: string | undefined;
  /** Workers at a time. Default: 1. */
  readonly jobs?: number | undefined;
  /** Ends the work; what is in hand is rolled back, and others take it. */
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: Emit | undefined;
}

/** What a worker has done for a run. */
export interface JoinOutcome {
  readonly source: string;
  readonly target: string;
  readonly relations: number;
  readonly rows: number;
  /** As they went through the network. */
  readonly bytes: number;
  readonly seconds: number;
}

/** How long a run may be without its coordinator before a worker leaves: servers may be starting again. */
const PATIENCE_SECONDS = 120;

/** How long one that has stopped may take to begin its next attempt. */
const PATIENCE_AFTER_STOP_SECONDS = 10;

/** What stops the run for all: nobody else would succeed at it. */
const FATAL_TO_THE_RUN = ['COPY', 'STATEMENT', 'SOURCE_CHANGED'];

/**
 * Helps a migration that is under way: takes tasks from the target's ledger, with the snapshot of the run, until all
 * are done. May be ended, or die, at any time.
 *
 * @throws HyperferryError `NO_RUN` when the target holds no run that is under way
 *
 * @example
 * await joinRun({ target: 'postgresql://new/tsdb', jobs: 4 });
 */
export async function joinRun(options: JoinOptions): Promise<JoinOutcome> {
  const begun = performance.now();
  const target = parseConnection(options.target);
  const signal = options.signal ?? new AbortController().signal;
  const counted = { relations: 0, rows: 0, bytes: 0 };
  const emit: Emit = (event) => {
    if (event.type === 'relation-copied') {
      counted.relations++;
      counted.rows += event.rows;
      counted.bytes += event.bytes;
    }
    options.onEvent?.(event);
  };
  let name: string | undefined;
  let idleSince = performance.now();
  try {
    for (;;) {
      const found = await lookForWork(target, name !== undefined);
      if (found.state === 'done') break;
      if (found.state === 'open') {
        const settings = JSON.parse(found.workerSettings) as WorkerSettings;
        const source = sourceOf(settings, options);
        if (source && name === undefined) await refuseOtherSource(source, found);
        name = source ? describeConnection(source) : found.source;
        const context = { source, target, settings, emit, signal, jobs: options.jobs ?? 1 };
        if (await helpWith({ ...context, attempt: found.attempt })) break;
        idleSince = performance.now();
      }
      if (found.state === 'preparing') idleSince = performance.now();
      refuseToWaitForever(found, (performance.now() - idleSince) / 1000);
      await sleep(1000, undefined, { signal });
    }
  } catch (error) {
    if (signal.aborted) throw new HyperferryError('INTERRUPTED', 'interrupted', { cause: error });
    throw ownError(error);
  }
  return {
    source: name ?? '',
    target: describeConnection(target),
    ...counted,
    seconds: Math.round(performance.now() - begun) / 1000,
  };
}

/** The server that rows come from; a dump has none, and its files must be where the run has them. */
function sourceOf({ rows }: WorkerSettings, { source }: JoinOptions): Connection | undefined {
  if (rows.kind === 'server') return parseConnection(source ?? rows.connection);
  if (existsSync(rows.path)) return undefined;
  throw new HyperferryError('USAGE', `expected the dump of the run at ${rows.path}, but nothing is there`, {
    hint: 'A restore can be helped where its dump is: on the same machine, or with the folder mounted at the same path.',
  });
}

/** @returns whether all tasks are done; false when another attempt has begun, or is to begin */
async function helpWith(context: WorkerContext): Promise<boolean> {
  try {
    await workOnRun(context);
    return true;
  } catch (error) {
    if (isLedgerGone(error)) return true;
    if (!(error instanceof HyperferryError)) throw error;
    if (['STOPPED', 'SNAPSHOT_LOST'].includes(error.code)) return false;
    if (FATAL_TO_THE_RUN.includes(error.code) && !isTransient(error)) {
      await inSession('target', context.target, (session) => stopRun(session, context.attempt, error));
    }
    // Whether the run goes on after it is for the coordinator to say.
    if (error.code === 'SOURCE_CHANGED') return false;
    throw error;
  }
}

type Found =
  | ({ readonly state: 'open'; readonly workerSettings: string } & Omit<OpenAttempt, 'workerSettings'>)
  /** The coordinator or a server is starting again. */
  | { readonly state: 'not yet' }
  | { readonly state: 'stopped'; readonly error: string }
  /** The coordinator makes what must stand before workers can begin. */
  | { readonly state: 'preparing' }
  | { readonly state: 'done' };

async function lookForWork(target: Connection, hasJoined: boolean): Promise<Found> {
  try {
    return await inSession('target', target, (session) => lookInLedger(session, target, hasJoined));
  } catch (error) {
    if (hasJoined && isTransient(error)) return { state: 'not yet' };
    throw error;
  }
}

async function lookInLedger(session: Session, target: Connection, hasJoined: boolean): Promise<Found> {
  const run = await readRecordedRun(session);
  if (!hasJoined) refuseWithoutRun(run, target);
  if (!run || run.state === 'done') return { state: 'done' };
  if (!run.isUnderWay && run.state === 'stopped') return { state: 'stopped', error: run.error };
  if (!run.isUnderWay) return { state: 'not yet' };
  const { workerSettings, ...open } = await readOpenAttempt(session);
  return workerSettings === null ? { state: 'preparing' } : { state: 'open', ...open, workerSettings };
}

function refuseWithoutRun(run: RecordedRun | undefined, target: Connection): void {
  const expected = `expected a migration under way to ${describeConnection(target)}, but`;
  if (!run || run.state === 'done' || run.format !== LEDGER_FORMAT) {
    throw new HyperferryError(
      'NO_RUN',
      `${expected} ${run ? 'the one there is complete, or of another version of Hyperferry' : 'there is none'}`,
      {
        hint: 'Start one: hyperferry migrate --source … --target …, or hyperferry restore --from … --target …',
      },
    );
  }
  if (run.isUnderWay) return;
  throw new HyperferryError('NO_RUN', `${expected} the one there has stopped in the stage “${run.stage}”`, {
    hint: `Go on with it first: hyperferry ${commandOf(run)} --resume …`,
  });
}

/** @throws HyperferryError `STOPPED` */
function refuseToWaitForever(found: Found, seconds: number): void {
  const patience = found.state === 'stopped' ? PATIENCE_AFTER_STOP_SECONDS : PATIENCE_SECONDS;
  if (seconds <= patience) return;
  const reason =
    found.state === 'stopped' ? found.error : `nobody has gone on with it for ${Math.round(seconds)} s`;
  throw new HyperferryError('STOPPED', `the run has stopped: ${reason}`, {
    hint: 'Go on with it: the command that it was begun with, with --resume.',
  });
}

async function refuseOtherSource(source: Connection, { sourceIdentity, ...run }: OpenAttempt): Promise<void> {
  if ((await inSession('source', source, readDatabaseIdentity)) === sourceIdentity) return;
  throw new HyperferryError(
    'USAGE',
    `expected the source of the run, ${run.source}, but ${describeConnection(source)} is another database`,
    { hint: 'Name the source of the run, or leave --source out.' },
  );
}

/** The run is complete, and its coordinator has removed the ledger: undefined table, undefined schema. */
function isLedgerGone(error: unknown): boolean {
  return ['42P01', '3F000'].includes(databaseError(error)?.code ?? '');
}
