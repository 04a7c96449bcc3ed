import { CopyCommand, type CopyMessage, withResolvers } from './copy-command.js';
import type { CopyReceiver } from './copy-out.js';
import type { Session, WireConnection } from './session.js';

/** `COPY … FROM STDIN`, as often as the message says, with rows that come as bytes of CopyData messages. */
export class CopyIn extends CopyCommand implements CopyReceiver {
  readonly takesMessages = true;
  /** Resolves when the message is on its way: what is written before that would be lost. */
  readonly begun: Promise<void>;
  readonly #begin: () => void;
  #connection: WireConnection | undefined;

  constructor(message: CopyMessage, session: Session) {
    super(message, session);
    const { promise, resolve } = withResolvers<void>();
    this.begun = Promise.race([promise, this.finished.then(() => undefined)]);
    this.#begin = resolve;
  }

  override submit(connection: WireConnection): void {
    this.#connection = connection;
    super.submit(connection);
    this.#begin();
  }

  /** @param bytes of CopyData messages, and of CopyDone between two COPYs */
  write(bytes: Buffer): boolean {
    return this.#connection?.stream.write(bytes) ?? true;
  }

  whenDrained(resume: () => void): void {
    this.#connection?.stream.once('drain', resume);
  }

  cork(): void {
    this.#connection?.stream.cork();
  }

  uncork(): void {
    this.#connection?.stream.uncork();
  }

  end(): void {
    this.#connection?.endCopyFrom();
  }

  fail(): void {
    this.#connection?.sendCopyFail('the source failed');
  }
}
