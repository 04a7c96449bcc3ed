import type { Socket } from 'node:net';
import { CopyCommand, type CopyMessage } from './copy-command.js';
import type { Session, WireConnection } from './session.js';

const COPY_DATA = 0x64; // 'd'
const COPY_DONE = 0x63; // 'c'
const ERROR_RESPONSE = 0x45; // 'E'
const READY_FOR_QUERY = 0x5a; // 'Z'
/** A message's type byte and its length, which counts itself and not the type byte. */
const HEADER_BYTES = 5;

/** What takes the rows of a `COPY … TO STDOUT`. */
export interface CopyReceiver {
  /**
   * Whether it takes CopyData messages as they are, and CopyDone between two COPYs; or else what is in the CopyData
   * messages.
   */
  readonly takesMessages: boolean;
  /** @returns whether more may come at once; else not before `whenDrained` calls back */
  write(bytes: Buffer): boolean;
  whenDrained(resume: () => void): void;
  /** Pieces that are written between these two are best taken together. */
  cork(): void;
  uncork(): void;
  /** One COPY has sent all its rows. */
  copyDone?(): void;
}

/** `COPY … TO STDOUT`, as often as the message says, whose rows go to a receiver as they come. */
export class CopyOut extends CopyCommand {
  /** Bytes of CopyData messages, their headers included, by COPY that has sent all its rows. */
  readonly bytes: number[] = [];
  readonly #copies: number;
  readonly #receiver: CopyReceiver;
  #stream: Socket | undefined;
  /** The listeners of `pg`, which get every message that does not go to the target. */
  #parser: ((bytes: Buffer) => void)[] = [];
  #partialHeader: Buffer = Buffer.alloc(0);
  #bytesLeftInMessage = 0;
  #messageIsData = false;
  #messageIsForReceiver = false;
  #bytesOfCopy = 0;
  #receiverIsFull = false;

  constructor(message: CopyMessage, session: Session, receiver: CopyReceiver) {
    super(message, session);
    this.#copies = message.copies.length;
    this.#receiver = receiver;
  }

  get endedInsideMessage(): boolean {
    return this.#messageIsForReceiver && this.#bytesLeftInMessage > 0;
  }

  override submit(connection: WireConnection): void {
    this.#stream = connection.stream;
    this.#parser = this.#stream.listeners('data') as ((bytes: Buffer) => void)[];
    this.#stream.removeAllListeners('data');
    this.#stream.on('data', this.#take);
    super.submit(connection);
  }

  readonly #take = (read: Buffer): void => {
    // A read may hold the rows of many small relations: they are one write.
    this.#receiver.cork();
    this.#divide(this.#partialHeader.length > 0 ? Buffer.concat([this.#partialHeader, read]) : read);
    this.#receiver.uncork();
    if (!this.#receiverIsFull) return;
    this.#receiverIsFull = false;
    this.#stream?.pause();
    this.#receiver.whenDrained(() => this.#stream?.resume());
  };

  #divide(bytes: Buffer): void {
    this.#partialHeader = bytes.subarray(0, 0);
    let start = 0; // of what goes to one receiver
    let at = 0;
    while (at < bytes.length) {
      if (this.#bytesLeftInMessage === 0) {
        if (bytes.length - at < HEADER_BYTES) {
          this.#partialHeader = bytes.subarray(at);
          break;
        }
        const type = bytes[at] ?? 0;
        const isForReceiver = this.#beginMessage(type);
        const isUnwrapped = isForReceiver && !this.#receiver.takesMessages;
        if (isUnwrapped || isForReceiver !== this.#messageIsForReceiver) {
          this.#pass(bytes.subarray(start, at));
          start = at;
          this.#messageIsForReceiver = isForReceiver;
        }
        if (type === COPY_DONE) this.#receiver.copyDone?.();
        if (type === ERROR_RESPONSE || type === READY_FOR_QUERY) {
          this.#giveBack(bytes.subarray(start));
          return;
        }
        this.#bytesLeftInMessage = bytes.readUInt32BE(at + 1) + 1;
        if (isUnwrapped) {
          at += HEADER_BYTES;
          start = at;
          this.#bytesLeftInMessage -= HEADER_BYTES;
          this.#bytesOfCopy += HEADER_BYTES;
        }
      }
      const step = Math.min(this.#bytesLeftInMessage, bytes.length - at);
      at += step;
      this.#bytesLeftInMessage -= step;
      if (this.#messageIsData) this.#bytesOfCopy += step;
    }
    this.#pass(bytes.subarray(start, at));
  }

  /** @returns whether the message goes to the receiver */
  #beginMessage(type: number): boolean {
    this.#messageIsData = type === COPY_DATA;
    if (type !== COPY_DONE) return this.#messageIsData;
    this.bytes.push(this.#bytesOfCopy);
    this.#bytesOfCopy = 0;
    // The last one is the relay's to send: the target must not end before the source has ended well.
    return this.#receiver.takesMessages && this.bytes.length < this.#copies;
  }

  #pass(bytes: Buffer): void {
    if (bytes.length === 0) return;
    if (this.#messageIsForReceiver) {
      if (!this.#receiver.write(bytes)) this.#receiverIsFull = true;
      return;
    }
    for (const listener of this.#parser) listener(bytes);
  }

  /** From here on, the connection is `pg`'s again. */
  #giveBack(rest: Buffer): void {
    // Nothing more comes for the receiver, which may be gone before it drains.
    this.#receiverIsFull = false;
    this.#stream?.removeListener('data', this.#take);
    for (const listener of this.#parser) {
      this.#stream?.on('data', listener);
      listener(rest);
    }
    this.#stream?.resume();
  }
}
