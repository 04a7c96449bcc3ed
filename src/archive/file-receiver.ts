import type { DataFile, WrittenFile } from '../postgres/archive/data-file.js';
import type { CopyReceiver } from '../postgres/copy-out.js';

/** What may wait for the disk before the server is told to wait. */
const MOST_WAITING_BYTES = 4 * 1024 ** 2;

/** Writes the rows of each COPY of a message into a file of its own. */
export class FileReceiver implements CopyReceiver {
  readonly takesMessages = false;
  readonly #files: readonly (() => DataFile)[];
  readonly #written: WrittenFile[] = [];
  #file: DataFile | undefined;
  #copies = 0;
  #pieces: Buffer[] = [];
  #waitingBytes = 0;
  #drained: (() => void) | undefined;
  /** What is written, one after the other. */
  #writing: Promise<void> = Promise.resolve();
  readonly #fail: (error: unknown) => void;
  /** Rejects when a file cannot be written. */
  readonly failed: Promise<never>;

  /** @param files makes the file of each COPY, when its turn comes */
  constructor(files: readonly (() => DataFile)[]) {
    this.#files = files;
    let fail: (error: unknown) => void = () => undefined;
    this.failed = new Promise((_, reject) => {
      fail = reject;
    });
    this.failed.catch(() => undefined);
    this.#fail = fail;
  }

  /** Resolves when all files are on disk. */
  async finish(): Promise<readonly WrittenFile[]> {
    await Promise.race([this.#writing, this.failed]);
    return this.#written;
  }

  /** Removes the file that is being written. */
  async abandon(): Promise<void> {
    await this.#writing;
    await this.#file?.abandon();
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
    this.#then(async () => {
      this.#file ??= this.#next();
      await this.#file.write(bytes);
      this.#waitingBytes -= bytes.length;
      if (this.#waitingBytes > 0) return;
      const drained = this.#drained;
      this.#drained = undefined;
      drained?.();
    });
  }

  copyDone(): void {
    this.uncork();
    this.#then(async () => {
      const file = this.#file ?? this.#next();
      this.#file = file;
      this.#written.push(await file.close());
      this.#file = undefined;
      this.#copies++;
    });
  }

  #next(): DataFile {
    const file = this.#files[this.#copies];
    if (!file) throw new Error('more COPYs came than there are files');
    return file();
  }

  #then(work: () => Promise<void>): void {
    this.#writing = this.#writing.then(work).catch((error: unknown) => this.#fail(error));
  }
}
