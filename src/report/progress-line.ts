import type { WriteStream } from 'node:tty';
import { countOf, formatBytes } from './units.js';

const REFRESH_MILLISECONDS = 100;

/** A stream that may be a terminal, with what of it a progress line needs. */
export type TextStream = NodeJS.WritableStream & Partial<WriteStream>;

/** One line of a terminal that tells how far the work on rows is. On other streams, nothing is shown. */
export class ProgressLine {
  readonly #stream: TextStream;
  #planned = 0;
  #bytes = 0;
  #rows = 0;
  #begun = 0;
  #shownAt = 0;
  #isShown = false;

  constructor(stream: TextStream) {
    this.#stream = stream;
  }

  /**
   * Begins with nothing, also at another attempt.
   * @param bytes of all the work
   */
  begin(bytes: number): void {
    this.#planned = bytes;
    this.#bytes = 0;
    this.#rows = 0;
    this.#begun = performance.now();
  }

  /**
   * @param rows undefined where the work is on none
   * @param describe what stands behind the numbers, from the bytes a second so far
   */
  advance(bytes: number, rows: number | undefined, describe: (bytesPerSecond: number) => string): void {
    this.#bytes += bytes;
    this.#rows += rows ?? 0;
    const now = performance.now();
    if (this.#stream.isTTY !== true || now - this.#shownAt < REFRESH_MILLISECONDS) return;
    this.#shownAt = now;
    const share = this.#planned === 0 ? 1 : this.#bytes / this.#planned;
    const speed = this.#bytes / Math.max(0.001, (now - this.#begun) / 1000);
    const text = `  ${Math.floor(share * 100)} %, ${formatBytes(this.#bytes)} of ${formatBytes(this.#planned)}${rows === undefined ? '' : `, ${countOf(this.#rows, 'row')}`}${describe(speed)}`;
    this.#stream.write(`\r\u001b[K${text.slice(0, (this.#stream.columns ?? 80) - 1)}`);
    this.#isShown = true;
  }

  /** Makes room for other lines. */
  clear(): void {
    if (this.#isShown) this.#stream.write('\r\u001b[K');
    this.#isShown = false;
  }
}
