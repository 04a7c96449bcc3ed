import { setTimeout as sleep } from 'node:timers/promises';
import { readCopiedElsewhere, readLastPosition } from '../engine/done.js';
import { readOpenAttempt } from '../engine/ledger.js';
import { HyperferryError } from '../postgres/error.js';
import { isTransient } from '../postgres/transient.js';
import type { Migration } from './migration.js';
import { WORKER_NAME } from './worker.js';

const LOOK_MILLISECONDS = 1000;

/** When the work is over, for a server that starts again; then the next attempt begins. */
const LAST_TRIES = 15;

/**
 * Looks at the target while workers are at work: tells of the rows that workers elsewhere have copied, and so sees when the
 * session that holds the target is lost. While nobody else has taken it, another session does: what the workers have in
 * hand is not given up for it.
 */
export class TargetWatch {
  readonly #migration: Migration;
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #position: number;
  #looking: Promise<void> | undefined;

  static async begin(migration: Migration): Promise<TargetWatch> {
    return new TargetWatch(migration, await readLastPosition(migration.target.session));
  }

  private constructor(migration: Migration, position: number) {
    this.#migration = migration;
    this.#position = position;
    this.#timer = setInterval(() => this.#look(), LOOK_MILLISECONDS);
    migration.signal.addEventListener('abort', this.#abort);
    if (migration.signal.aborted) this.#abort();
  }

  /** Aborted with the migration's own, and when another attempt has the target. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Waits for the session that holds the target to be there. */
  async lookLast(): Promise<void> {
    for (let tries = 1; ; tries++) {
      await this.#looking;
      this.signal.throwIfAborted();
      try {
        return await this.#tell();
      } catch (error) {
        if (!mayPass(error) || tries === LAST_TRIES) throw error;
        this.#look();
        await sleep(LOOK_MILLISECONDS);
      }
    }
  }

  async end(): Promise<void> {
    clearInterval(this.#timer);
    this.#migration.signal.removeEventListener('abort', this.#abort);
    await this.#looking;
  }

  readonly #abort = (): void => this.#controller.abort(this.#migration.signal.reason);

  /** One look at a time; what may pass is seen again at the next. */
  #look(): void {
    this.#looking ??= this.#tell()
      .catch((error: unknown) => this.#takeAgain(error))
      .catch((error: unknown) => {
        if (!mayPass(error)) this.#controller.abort(error);
      })
      .finally(() => {
        this.#looking = undefined;
      });
  }

  async #tell(): Promise<void> {
    const { target, emit } = this.#migration;
    for (const copied of await readCopiedElsewhere(target.session, WORKER_NAME, this.#position)) {
      const { position, ...event } = copied;
      this.#position = position;
      emit({ type: 'relation-copied', ...event });
    }
  }

  async #takeAgain(error: unknown): Promise<void> {
    if (!isTransient(error)) throw error;
    const { target, attempt } = this.#migration;
    await target.renewSession();
    if ((await readOpenAttempt(target.session)).attempt === attempt) return;
    throw new HyperferryError('STOPPED', 'another attempt goes on with the run');
  }
}

function mayPass(error: unknown): boolean {
  return isTransient(error) || (error instanceof HyperferryError && error.code === 'TARGET_BUSY');
}
