import type { Socket } from 'node:net';
import type { Session, WireCommand, WireConnection } from './session.js';

/** What one COPY carried. */
export interface Copied {
  /** Rows that the source sent. */
  readonly sent: number;
  /** Rows that the target took: fewer where a trigger skips some. */
  readonly received: number;
  /** Bytes of CopyData messages, their headers included. */
  readonly bytes: number;
}

const COPY_DATA = 0x64; // 'd'
const COPY_DONE = 0x63; // 'c'
const ERROR_RESPONSE = 0x45; // 'E'
const READY_FOR_QUERY = 0x5a; // 'Z'
/** A message's type byte and its length, which counts itself and not the type byte. */
const HEADER_BYTES = 5;

/**
 * Carries the rows of one `COPY … TO STDOUT` on one session into one `COPY … FROM STDIN` on another.
 *
 * CopyData messages have the same bytes in both directions, so they go from socket to socket as they come, in
 * whatever pieces they come: no row is decoded, and no more than one socket read is held in memory, whatever a
 * row's size.
 * Source: https://www.postgresql.org/docs/current/protocol-message-formats.html
 *
 * @throws the error of the side that failed. The other side is left so that its transaction cannot commit: a
 *   source whose rows nobody takes, and a target that got part of a row, are disconnected.
 */
export async function relayCopy(
  source: Session,
  copyOut: string,
  target: Session,
  copyIn: string,
): Promise<Copied> {
  const input = new CopyIn(copyIn, target);
  target.submit(input);
  await input.accepted;
  const output = new CopyOut(copyOut, source, input);
  source.submit(output);
  try {
    const sent = await Promise.race([output.finished, input.finished]);
    input.end();
    return { sent, received: await input.finished, bytes: output.bytes };
  } catch (error) {
    if (output.isRunning) source.destroy();
    // What comes after a part of a message, a ROLLBACK too, the server takes for the rest of it.
    if (output.endedInsideMessage) target.destroy();
    else if (input.isRunning) input.fail();
    await Promise.allSettled([input.finished]);
    throw error;
  }
}

/** A COPY that `pg` runs as a query: `pg` calls the handlers, in the order of the server's messages. */
abstract class CopyCommand implements WireCommand {
  /** The number of rows that the server counted. */
  readonly finished: Promise<number>;
  isRunning = true;
  protected readonly text: string;
  readonly #session: Session;
  #rows = 0;
  readonly #resolve: (rows: number) => void;
  readonly #reject: (error: Error) => void;

  constructor(text: string, session: Session) {
    this.text = text;
    this.#session = session;
    const { promise, resolve, reject } = withResolvers<number>();
    this.finished = promise;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  abstract submit(connection: WireConnection): void;

  handleCommandComplete(message: { text: string }): void {
    this.#rows = Number(message.text.split(' ').at(-1));
  }

  handleError(error: Error): void {
    this.isRunning = false;
    this.#reject(this.#session.explain(error));
  }

  handleReadyForQuery(): void {
    this.isRunning = false;
    this.#resolve(this.#rows);
  }
}

class CopyIn extends CopyCommand {
  /** Resolves when the server asks for the rows. */
  readonly accepted: Promise<void>;
  readonly #accept: () => void;
  #connection: WireConnection | undefined;

  constructor(text: string, session: Session) {
    super(text, session);
    const { promise, resolve } = withResolvers<void>();
    this.accepted = Promise.race([promise, this.finished.then(() => undefined)]);
    this.#accept = resolve;
  }

  submit(connection: WireConnection): void {
    this.#connection = connection;
    connection.query(this.text);
  }

  handleCopyInResponse(): void {
    this.#accept();
  }

  /** Sends bytes of CopyData messages; false when the caller should wait for `onceDrained`. */
  write(bytes: Buffer): boolean {
    return this.#connection?.stream.write(bytes) ?? false;
  }

  onceDrained(proceed: () => void): void {
    this.#connection?.stream.once('drain', proceed);
  }

  end(): void {
    this.#connection?.endCopyFrom();
  }

  fail(): void {
    this.#connection?.sendCopyFail('the source failed');
  }
}

class CopyOut extends CopyCommand {
  bytes = 0;
  readonly #input: CopyIn;
  #stream: Socket | undefined;
  /** The listeners of `pg`, which get every message but CopyData. */
  #parser: ((bytes: Buffer) => void)[] = [];
  #partialHeader: Buffer = Buffer.alloc(0);
  #bytesLeftInMessage = 0;
  #messageIsData = false;

  constructor(text: string, session: Session, input: CopyIn) {
    super(text, session);
    this.#input = input;
  }

  get endedInsideMessage(): boolean {
    return this.#messageIsData && this.#bytesLeftInMessage > 0;
  }

  submit(connection: WireConnection): void {
    this.#stream = connection.stream;
    this.#parser = this.#stream.listeners('data') as ((bytes: Buffer) => void)[];
    this.#stream.removeAllListeners('data');
    this.#stream.on('data', this.#take);
    connection.query(this.text);
  }

  readonly #take = (read: Buffer): void => {
    const bytes = this.#partialHeader.length > 0 ? Buffer.concat([this.#partialHeader, read]) : read;
    this.#partialHeader = bytes.subarray(0, 0);
    let start = 0; // of what goes to one receiver
    let at = 0;
    while (at < bytes.length) {
      if (this.#bytesLeftInMessage === 0) {
        if (bytes.length - at < HEADER_BYTES) {
          this.#partialHeader = bytes.subarray(at);
          break;
        }
        const type = bytes[at];
        const isData = type === COPY_DATA;
        if (isData !== this.#messageIsData) {
          this.#pass(bytes.subarray(start, at));
          start = at;
          this.#messageIsData = isData;
        }
        if (type === COPY_DONE || type === ERROR_RESPONSE || type === READY_FOR_QUERY) {
          this.#giveBack(bytes.subarray(start));
          return;
        }
        this.#bytesLeftInMessage = bytes.readUInt32BE(at + 1) + 1;
      }
      const step = Math.min(this.#bytesLeftInMessage, bytes.length - at);
      at += step;
      this.#bytesLeftInMessage -= step;
    }
    this.#pass(bytes.subarray(start, at));
  };

  #pass(bytes: Buffer): void {
    if (bytes.length === 0) return;
    if (!this.#messageIsData) {
      for (const listener of this.#parser) listener(bytes);
      return;
    }
    this.bytes += bytes.length;
    if (!this.#input.write(bytes)) {
      this.#stream?.pause();
      this.#input.onceDrained(() => this.#stream?.resume());
    }
  }

  /** From here on, the connection is `pg`'s again. */
  #giveBack(rest: Buffer): void {
    this.#stream?.removeListener('data', this.#take);
    for (const listener of this.#parser) {
      this.#stream?.on('data', listener);
      listener(rest);
    }
    this.#stream?.resume();
  }
}

function withResolvers<T>(): {
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
