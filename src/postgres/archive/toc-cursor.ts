import { isUtf8 } from 'node:buffer';

/** Thrown where bytes end before what stands in them does. */
export class EndOfBytes extends Error {}

/** Thrown where bytes cannot be what they should be. */
export class WrongBytes extends Error {
  /** What to do, where they are not damaged. */
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

/** Stands for what is not in UTF-8; it may also be what was written. */
const REPLACEMENT = '\ufffd';

/**
 * Reads the elements of a table of contents, one after the other.
 * Source: ReadInt(), ReadStr() and ReadOffset() in PostgreSQL's src/bin/pg_dump/pg_backup_archiver.c.
 */
export class TocCursor {
  integerBytes = 4;
  readonly #buffer: Buffer;
  #at = 0;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  get position(): number {
    return this.#at;
  }

  bytes(count: number): Buffer {
    const begin = this.#pass(count);
    return this.#buffer.subarray(begin, begin + count);
  }

  byte(): number {
    return this.#buffer.readUInt8(this.#pass(1));
  }

  /** A sign byte, then the bytes of the number from the lowest. */
  integer(): number {
    const begin = this.#pass(1 + this.integerBytes);
    const value = this.#buffer.readUIntLE(begin + 1, this.integerBytes);
    return this.#buffer[begin] === 0 ? value : -value;
  }

  /** A length, negative for NULL, and the text. */
  text(): string | undefined {
    const length = this.integer();
    if (length < 0) return undefined;
    const begin = this.#pass(length);
    const text = this.#buffer.toString('utf8', begin, begin + length);
    const bytes = text.includes(REPLACEMENT) ? this.#buffer.subarray(begin, begin + length) : undefined;
    if (bytes && !isUtf8(bytes)) {
      throw new WrongBytes(
        `its text ${JSON.stringify(bytes.toString('latin1').slice(0, 60))} is not in UTF-8`,
        'Dump again with pg_dump --encoding=UTF8.',
      );
    }
    return text;
  }

  /** A number written as text, as OIDs are. */
  numberAsText(): number {
    const text = this.text() ?? '';
    if (!/^\d+$/.test(text)) throw new WrongBytes(`${JSON.stringify(text)} stands where an OID should`);
    return Number(text);
  }

  /** @returns where the bytes begin */
  #pass(count: number): number {
    const begin = this.#at;
    if (begin + count > this.#buffer.length) throw new EndOfBytes();
    this.#at += count;
    return begin;
  }
}
