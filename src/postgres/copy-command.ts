import { HyperferryError } from './error.js';
import type { Session, WireCommand, WireConnection } from './session.js';

/** What is sent to one side in one message: PostgreSQL runs its statements in order, without an answer in between. */
export interface CopyMessage {
  /** Statements before the first COPY, one each. */
  readonly before?: readonly string[];
  /** COPYs; each may have statements in front of it that belong to it. */
  readonly copies: readonly string[];
  /** Statements behind the last COPY. */
  readonly after?: readonly string[];
}

/** A message with COPYs that `pg` runs as a query: `pg` calls the handlers, in the order of the server's messages. */
export class CopyCommand implements WireCommand {
  /** The number of rows that the server counted, by COPY. */
  readonly finished: Promise<readonly number[]>;
  isRunning = false;
  /** What the command ended with, when it failed. */
  error: Error | undefined;
  readonly #message: CopyMessage;
  readonly #session: Session;
  #statementsDone = 0;
  readonly #rows: number[] = [];
  readonly #resolve: (rows: readonly number[]) => void;
  readonly #reject: (error: Error) => void;

  constructor(message: CopyMessage, session: Session) {
    this.#message = message;
    this.#session = session;
    const { promise, resolve, reject } = withResolvers<readonly number[]>();
    this.finished = promise;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** The COPY that the server is at, or undefined before the first and behind the last. */
  get copyInHand(): number | undefined {
    const { before = [], copies } = this.#message;
    const isAtCopies = this.#statementsDone >= before.length && this.#rows.length < copies.length;
    return isAtCopies ? this.#rows.length : undefined;
  }

  submit(connection: WireConnection): void {
    this.isRunning = true;
    const { before = [], copies, after = [] } = this.#message;
    connection.query([...before, ...copies, ...after].join(';\n'));
  }

  handleCommandComplete({ text }: { text: string }): void {
    this.#statementsDone++;
    const rows = /^COPY (\d+)$/.exec(text)?.[1];
    if (rows !== undefined) this.#rows.push(Number(rows));
  }

  handleError(error: Error): void {
    this.#fail(this.#session.explain(error));
  }

  handleReadyForQuery(): void {
    this.isRunning = false;
    const expected = this.#message.copies.length;
    if (this.#rows.length === expected) {
      this.#resolve(this.#rows);
      return;
    }
    const { side } = this.#session;
    this.#fail(
      new HyperferryError('INTERNAL', `expected ${expected} COPYs of the ${side}, got ${this.#rows.length}`),
    );
  }

  #fail(error: Error): void {
    this.isRunning = false;
    this.error = error;
    this.#reject(error);
  }

  handleCopyInResponse(): void {
    // The rows are sent without being asked for.
  }

  handleRowDescription(): void {
    // Nobody asks for what the statements around the COPYs return.
  }

  handleDataRow(): void {
    // As above.
  }
}

export function withResolvers<T>(): {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (error: Error) => void;
} {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  // A failure that comes before anyone waits is seen by whoever waits later.
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}
