import { setTimeout as sleep } from 'node:timers/promises';
import type { Emit } from '../engine/events.js';
import type { Session } from '../postgres/session.js';
import { isTransient } from '../postgres/transient.js';

/** Waits between attempts: the snapshot lives in another session, and goes with a server that restarts. */
const RETRY_SECONDS = [0.5, 1, 2, 4];

/** A session that reads rows, and is made anew when its connection is lost. */
export class DumpReader {
  readonly #open: () => Promise<Session>;
  readonly #emit: Emit;
  readonly #ended = new AbortController();
  #session: Session | undefined;

  static async open(open: () => Promise<Session>, emit: Emit): Promise<DumpReader> {
    return new DumpReader(open, emit, await open());
  }

  private constructor(open: () => Promise<Session>, emit: Emit, session: Session) {
    this.#open = open;
    this.#emit = emit;
    this.#session = session;
  }

  /** @param work leaves nothing when it fails, and imports the snapshot by itself */
  async read<T>(work: (session: Session) => Promise<T>): Promise<T> {
    for (let failures = 0; ; failures++) {
      try {
        return await work(await this.#opened());
      } catch (error) {
        const seconds = RETRY_SECONDS[failures];
        if (this.#ended.signal.aborted || !isTransient(error) || seconds === undefined) throw error;
        this.#session?.destroy();
        this.#session = undefined;
        this.#emit({ type: 'retry', reason: (error as Error).message, seconds });
        await sleep(seconds * 1000, undefined, { signal: this.#ended.signal });
      }
    }
  }

  async #opened(): Promise<Session> {
    this.#session ??= await this.#open();
    // The end may have come in between.
    if (this.#ended.signal.aborted) this.#session.destroy();
    return this.#session;
  }

  async close(): Promise<void> {
    await this.#session?.close();
  }

  /** Ends it in the middle of what it reads. */
  destroy(): void {
    this.#ended.abort();
    this.#session?.destroy();
  }
}
