import type { Connection } from '../postgres/connection-string.js';
import { Session } from '../postgres/session.js';
import { type HeldJobs, holdJobs, type JobStart } from '../timescale/jobs.js';
import type { Timescale } from '../timescale/timescale.js';
import type { Run } from './run.js';

/** The source's background jobs, held off while it is read: once in a run, also between two attempts. */
export class JobHold {
  readonly #connection: Connection;
  readonly #waitSeconds: number;
  #held: HeldJobs | undefined;

  /** @param waitSeconds how long to wait for jobs that run already */
  constructor(connection: Connection, waitSeconds = 600) {
    this.#connection = connection;
    this.#waitSeconds = waitSeconds;
  }

  /** When each would have run next. */
  get starts(): readonly JobStart[] {
    return this.#held?.starts ?? [];
  }

  async hold(
    { emit, signal }: Pick<Run, 'emit' | 'signal'>,
    timescale: Timescale | undefined,
  ): Promise<void> {
    if (!timescale || this.#held) return;
    const notice = (message: string): void => emit({ type: 'notice', message });
    this.#held = await holdJobs(() => Session.open('source', this.#connection), timescale, {
      waitSeconds: this.#waitSeconds,
      onWait: (jobs) => notice(`waiting for the source's background jobs to end: ${jobs.join(', ')}`),
      signal,
    });
    const { notHeld } = this.#held;
    if (notHeld.length > 0) {
      notice(
        `these background jobs could not be held off and may run during the copy: ${notHeld.join(', ')}`,
      );
    }
  }

  /** Puts them back as they were. @returns what people should know of it */
  async release(): Promise<string[]> {
    const held = this.#held;
    this.#held = undefined;
    try {
      const failures = (await held?.release()) ?? [];
      return failures.map((failure) => `a background job of the source was not put back: ${failure}`);
    } catch (error) {
      return [
        `the source's background jobs were not put back and run by themselves within 15 minutes: ${(error as Error).message}`,
      ];
    }
  }
}
