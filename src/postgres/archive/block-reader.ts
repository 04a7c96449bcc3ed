import { type FileHandle, open } from 'node:fs/promises';
import { failedOnFile, unreadableArchive } from './archive-error.js';
import { BLOCKS } from './format-codes.js';

const PIECE = 256 * 1024;

/**
 * Reads the data in a custom-format archive: forwards from a position, a large piece of the file at a time.
 * Source: _readBlockHeader(), _CustomReadFunc() and _skipData() in PostgreSQL's src/bin/pg_dump/pg_backup_custom.c.
 */
export class BlockReader {
  readonly path: string;
  readonly #file: FileHandle;
  readonly #integerBytes: number;
  #piece: Buffer = Buffer.alloc(0);
  /** Where the piece begins in the file, and how much of it is used up. */
  #pieceAt: number;
  #used = 0;
  /** What of the current block has not been taken yet. */
  #left = 0;
  #isInData = false;

  private constructor(path: string, file: FileHandle, integerBytes: number, position: number) {
    this.path = path;
    this.#file = file;
    this.#integerBytes = integerBytes;
    this.#pieceAt = position;
  }

  static async open(path: string, integerBytes: number, position: number): Promise<BlockReader> {
    const file = await open(path).catch((error: unknown) => {
      throw failedOnFile('read', path, error);
    });
    return new BlockReader(path, file, integerBytes, position);
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  get position(): number {
    return this.#pieceAt + this.#used;
  }

  /** What begins here and of which entry it is; undefined at the end of the file. */
  async header(): Promise<{ kind: 'rows' | 'large-objects'; dumpId: number } | undefined> {
    const at = this.position;
    if (this.#buffered === 0 && !(await this.#fill())) return undefined;
    const code = this.#piece[this.#used++];
    const dumpId = await this.integer();
    if (code === BLOCKS.rows) {
      this.#isInData = true;
      return { kind: 'rows', dumpId };
    }
    if (code === BLOCKS.largeObjects) return { kind: 'large-objects', dumpId };
    throw unreadableArchive(
      this.path,
      `expected data at byte ${at}, found a block of the unknown type ${code}`,
    );
  }

  /** The OID of the large object whose data begin here; undefined after the last. */
  async largeObject(): Promise<number | undefined> {
    // WriteInt() takes OIDs for signed integers.
    const oid = (await this.integer()) >>> 0;
    this.#isInData = oid !== 0;
    return oid === 0 ? undefined : oid;
  }

  /** The bytes of the data that begin here, which come as blocks with their lengths. */
  async *data(): AsyncGenerator<Buffer> {
    while (this.#isInData) {
      const pieces = this.#takeBuffered();
      // Without compression, each row is a block of its own.
      if (pieces.length > 0) yield pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
      else if (this.#isInData) await this.#nextBlock();
    }
  }

  /** Goes on to behind the data, however much of them has been read. */
  async skipData(): Promise<void> {
    while (this.#isInData) {
      const step = Math.min(this.#left, this.#buffered);
      this.#used += step;
      this.#left -= step;
      if (this.#left > 0) this.#jump(this.#left);
      await this.#nextBlock();
    }
  }

  /** Goes on to behind all data of an entry, whose header was read. */
  async skipEntry(kind: 'rows' | 'large-objects'): Promise<void> {
    if (kind === 'rows') await this.skipData();
    else while ((await this.largeObject()) !== undefined) await this.skipData();
  }

  async integer(): Promise<number> {
    while (this.#buffered < this.#integerBytes + 1) {
      if (!(await this.#fill())) throw this.#endsTooEarly();
    }
    const negative = this.#piece[this.#used] !== 0;
    const value = this.#piece.readUIntLE(this.#used + 1, this.#integerBytes);
    this.#used += this.#integerBytes + 1;
    return negative ? -value : value;
  }

  get #buffered(): number {
    return this.#piece.length - this.#used;
  }

  /** What there is of the data in the current piece of the file, without the lengths of the blocks. */
  #takeBuffered(): Buffer[] {
    const pieces: Buffer[] = [];
    for (;;) {
      const step = Math.min(this.#left, this.#buffered);
      if (step > 0) pieces.push(this.#piece.subarray(this.#used, this.#used + step));
      this.#used += step;
      this.#left -= step;
      if (this.#left > 0 || this.#buffered < this.#integerBytes + 1) return pieces;
      this.#beginBlock(
        this.#piece.readUIntLE(this.#used + 1, this.#integerBytes),
        this.#piece[this.#used] !== 0,
      );
      this.#used += this.#integerBytes + 1;
      if (!this.#isInData) return pieces;
    }
  }

  /** To the next byte of the data, or behind them. */
  async #nextBlock(): Promise<void> {
    if (this.#left > 0) {
      if (!(await this.#fill())) throw this.#endsTooEarly();
      return;
    }
    const length = await this.integer();
    this.#beginBlock(Math.abs(length), length < 0);
  }

  #beginBlock(length: number, isNegative: boolean): void {
    if (isNegative) {
      throw unreadableArchive(
        this.path,
        `expected the length of a block before byte ${this.position}, found -${length}`,
      );
    }
    this.#left = length;
    this.#isInData = length > 0;
  }

  #jump(distance: number): void {
    this.#pieceAt = this.position + distance;
    this.#piece = Buffer.alloc(0);
    this.#used = 0;
    this.#left = 0;
  }

  /** Adds to what is buffered; false at the end of the file. */
  async #fill(): Promise<boolean> {
    const kept = this.#piece.subarray(this.#used);
    const at = this.position;
    // A new one each time, since parts of the one before may have been given away.
    const piece = Buffer.allocUnsafe(kept.length + PIECE);
    kept.copy(piece);
    try {
      const { bytesRead } = await this.#file.read(piece, kept.length, PIECE, at + kept.length);
      this.#piece = piece.subarray(0, kept.length + bytesRead);
      this.#pieceAt = at;
      this.#used = 0;
      return bytesRead > 0;
    } catch (error) {
      throw failedOnFile('read', this.path, error);
    }
  }

  #endsTooEarly(): Error {
    return unreadableArchive(
      this.path,
      `it ends in the middle of data, where byte ${this.position + this.#buffered} should be`,
    );
  }
}
