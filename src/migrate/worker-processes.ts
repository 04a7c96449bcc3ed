import { type ChildProcess, fork } from 'node:child_process';
import { extname } from 'node:path';
import type { Emit } from '../engine/events.js';
import { HyperferryError } from '../postgres/error.js';
import type { RunOptions } from './options.js';
import type { Assignment, Report } from './worker-process.js';

/** From source, this module and the other are TypeScript, and `fork` hands on what loads it. */
const MODULE = new URL(`worker-process${extname(new URL(import.meta.url).pathname)}`, import.meta.url);

/** Of the run that the processes help. */
interface Helped {
  readonly options: RunOptions;
  readonly source: { readonly url: string | undefined };
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/** A child, while there is one, and its workers. */
interface Place {
  readonly jobs: number;
  child: ChildProcess | undefined;
}

/** A process leaves by itself when it is told to; one that cannot is killed. */
const KILL_MILLISECONDS = 4000;

/**
 * @param jobs workers in all, where it is known already
 * @throws HyperferryError `USAGE` when there is no worker for each process
 */
export function refuseProcesses(processes = 1, jobs = Number.POSITIVE_INFINITY): void {
  if (!Number.isInteger(processes) || processes < 1) {
    throw new HyperferryError('USAGE', `expected a whole number of processes from 1, but ${processes} came`);
  }
  if (processes <= jobs) return;
  throw new HyperferryError(
    'USAGE',
    `expected at most as many processes as workers, ${jobs}, but ${processes} came`,
    { hint: `Give more workers: --jobs ${processes}` },
  );
}

/**
 * The processes that the workers of a run are spread over: the coordinator's own, and children of it that take tasks from
 * the ledger as workers elsewhere do. A child that dies loses its claims with its connections, and others take the tasks.
 */
export class WorkerProcesses {
  /** Workers of the coordinator's own process. */
  readonly ownJobs: number;
  readonly #run: Helped;
  readonly #places: readonly Place[];
  #isOver = false;

  /** @param jobs workers in all processes */
  constructor(run: Helped, jobs: number) {
    const [ownJobs = jobs, ...shares] = sharesOf(jobs, run.options.processes ?? 1);
    this.ownJobs = ownJobs;
    this.#places = shares.map((share) => ({ jobs: share, child: undefined }));
    this.#run = run;
    run.signal.addEventListener('abort', this.#tellToLeave);
  }

  /**
   * Starts the children that do not run. Not before the target is in restore mode: a session that is older does not know
   * of it.
   */
  begin(): void {
    if (this.#isOver || this.#run.signal.aborted) return;
    for (const place of this.#places) place.child ??= this.#start(place);
  }

  /** Resolves when no child is left. */
  async end(): Promise<void> {
    this.#run.signal.removeEventListener('abort', this.#tellToLeave);
    this.#tellToLeave();
    await Promise.all(
      this.#places.map(async ({ child }) => {
        if (!child || hasEnded(child)) return;
        const kill = setTimeout(() => child.kill('SIGKILL'), KILL_MILLISECONDS);
        await new Promise((resolve) => child.once('exit', resolve));
        clearTimeout(kill);
      }),
    );
  }

  readonly #tellToLeave = (): void => {
    this.#isOver = true;
    for (const { child } of this.#places) {
      if (child?.connected) child.disconnect();
    }
  };

  #start(place: Place): ChildProcess {
    const { emit, options, source } = this.#run;
    const notice = (reason: string): void => {
      if (this.#isOver) return;
      emit({ type: 'notice', message: `a worker process ${reason}; the others go on without it` });
    };
    const child = fork(MODULE, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    child.on('message', (report: Report) => {
      if (report.type === 'failed') notice(`has stopped: ${report.message}`);
      else if (!this.#isOver) emit(report);
    });
    // What could not be started, or told: it is as one that has died.
    child.on('error', (error) => {
      notice(`could not be reached: ${error.message}`);
      if (child.pid === undefined) place.child = undefined;
    });
    child.on('exit', (code, signal) => {
      place.child = undefined;
      if (code !== 0) notice(`has died (${signal ?? `exit code ${code}`})`);
    });
    const assignment: Assignment = { source: source.url, target: options.target, jobs: place.jobs };
    child.send(assignment);
    return child;
  }
}

/** The first share is the coordinator's, and no larger than another: it has more to do than to copy. */
function sharesOf(jobs: number, processes: number): number[] {
  return Array.from({ length: processes }, (_, index) => Math.floor((jobs + index) / processes));
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}
