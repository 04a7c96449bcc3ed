import { isUtf8 } from 'node:buffer';

/** Thrown where bytes end before what stands in them does. */
export class EndOfBytes extends Error {}

/** Thrown where bytes cannot be what they should be. */
export class WrongBytes extends Error {}

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
    if (this.#at + count > this.#buffer.length) throw new EndOfBytes();
    this.#at += count;
    return this.#buffer.subarray(this.#at - count, this.#at);
  }

  byte(): number {
    return this.bytes(1).readUInt8();
  }

  /** A sign byte, then the bytes of the number from the lowest. */
  integer(): number {
    const negative = this.byte() !== 0;
    const value = this.bytes(this.integerBytes).readUIntLE(0, this.integerBytes);
    return negative ? -value : value;
  }

  /** A length, negative for NULL, and the text. */
  text(): string | undefined {
    const length = this.integer();
    if (length < 0) return undefined;
    const bytes = this.bytes(length);
    if (!isUtf8(bytes)) {
      throw new WrongBytes(
        `its text ${JSON.stringify(bytes.toString('latin1').slice(0, 60))} is not in UTF-8; expected a dump with --encoding=UTF8`,
      );
    }
    return bytes.toString('utf8');
  }

  /** A number written as text, as OIDs are. */
  numberAsText(): number {
    const text = this.text() ?? '';
    if (!/^\d+$/.test(text)) throw new WrongBytes(`${JSON.stringify(text)} stands where an OID should`);
    return Number(text);
  }
}
