import type { DataFile, WrittenFile } from '../postgres/archive/data-file.js';
import type { CopyReceiver } from '../postgres/copy-out.js';

/** What may wait for the disk before the server is told to wait. */
const MOST_WAITING_BYTES = 4 * 1024 ** 2;

/** A file, and what is done with it, one after the other. */
interface Filling {
  readonly file: DataFile;
  done: Promise<void>;
}

/**
 * Writes the rows of each COPY of a message into a file of its own. A file is begun while those before it are still being
 * compressed: with two workers, one file at a time each leaves a sixth of two cores idle.
 */
export class FileReceiver implements CopyReceiver {
  readonly takesMessages = false;
  readonly #makeFiles: readonly (() => DataFile)[];
  readonly #begun: DataFile[] = [];
  readonly #written: Promise<WrittenFile>[] = [];
  #filling: Filling | undefined;
  #pieces: Buffer[] = [];
  #waitingBytes = 0;
  #drained: (() => void) | undefined;
  readonly #fail: (error: unknown) => void;
  /** Rejects when a file cannot be written. */
  readonly failed: Promise<never>;

  /** @param makeFiles makes the file of each COPY, when its turn comes */
  constructor(makeFiles: readonly (() => DataFile)[]) {
    this.#makeFiles = makeFiles;
    let fail: (error: unknown) => void = () => undefined;
    this.failed = new Promise((_, reject) => {
      fail = reject;
    });
    this.failed.catch(() => undefined);
    this.#fail = fail;
  }

  /** Resolves when all files are on disk. */
  finish(): Promise<readonly WrittenFile[]> {
    return Promise.all(this.#written);
  }

  /** Removes the files. */
  async abandon(): Promise<void> {
    await Promise.allSettled([...this.#written, this.#filling?.done]);
    for (const file of this.#begun) await file.abandon();
  }

  write(bytes: Buffer): boolean {
    this.#pieces.push(bytes);
    this.#waitingBytes += bytes.length;
    return this.#waitingBytes < MOST_WAITING_BYTES;
  }

  whenDrained(resume: () => void): void {
    this.#drained = resume;
  }

  cork(): void {
    // Pieces are gathered anyhow.
  }

  uncork(): void {
    if (this.#pieces.length === 0) return;
    const bytes = Buffer.concat(this.#pieces);
    this.#pieces = [];
    const filling = this.#fill();
    filling.done = filling.done.then(async () => {
      await filling.file.write(bytes);
      this.#waitingBytes -= bytes.length;
      if (this.#waitingBytes >= MOST_WAITING_BYTES) return;
      const drained = this.#drained;
      this.#drained = undefined;
      drained?.();
    });
    filling.done.catch(this.#fail);
  }

  copyDone(): void {
    this.uncork();
    const { file, done } = this.#fill();
    const written = done.then(() => file.close());
    written.catch(this.#fail);
    this.#written.push(written);
    this.#filling = undefined;
  }

  /** The file of the COPY whose rows come. */
  #fill(): Filling {
    if (this.#filling) return this.#filling;
    const make = this.#makeFiles[this.#begun.length];
    if (!make) throw new Error('more COPYs came than there are files');
    const file = make();
    this.#begun.push(file);
    this.#filling = { file, done: Promise.resolve() };
    return this.#filling;
  }
}
