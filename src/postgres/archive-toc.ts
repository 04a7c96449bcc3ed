import { HyperferryError } from './error.js';

/** One entry of an archive's table of contents: an object's definition, as `pg_dump` wrote it. */
export interface TocEntry {
  readonly dumpId: number;
  /** The object's row in the source's catalogs: the catalog's OID and the row's. Zero where there is none. */
  readonly catalog: number;
  readonly oid: number;
  /** The object's name, or for some kinds its table's name and its own. */
  readonly tag: string;
  /** The kind, as in `pg_restore --list`: `TABLE`, `FK CONSTRAINT`, `ACL`, … */
  readonly kind: string;
  readonly section: 'none' | 'pre-data' | 'data' | 'post-data';
  /** SQL that makes the object; empty for a few kinds. */
  readonly definition: string;
  readonly dropStatement: string;
  readonly schema: string | undefined;
  readonly tablespace: string | undefined;
  readonly accessMethod: string | undefined;
  readonly owner: string | undefined;
  /** The dump ids of the entries that this one needs. */
  readonly dependencies: readonly number[];
}

const SECTIONS: Record<number, TocEntry['section']> = { 1: 'none', 2: 'pre-data', 3: 'data', 4: 'post-data' };

/** `K_VERS_1_14` (PostgreSQL 12) to `K_VERS_1_16` (PostgreSQL 17 and 18). */
const OLDEST_FORMAT = 0x010e;
const NEWEST_FORMAT = 0x0110;
const FORMAT_WITH_COMPRESSION_ALGORITHM = 0x010f;
const FORMAT_WITH_RELATION_KIND = 0x0110;
const CUSTOM_FORMAT = 1;

/**
 * Reads the table of contents of a custom-format archive (`pg_dump --format=custom`).
 * Source: ReadHead() and ReadToc() in PostgreSQL's src/bin/pg_dump/pg_backup_archiver.c, and
 * _ReadExtraToc() in pg_backup_custom.c.
 *
 * @throws HyperferryError `CLIENT_PROGRAM` for bytes that are no such archive, or one of another format version.
 */
export function readArchiveToc(archive: Buffer): TocEntry[] {
  const reader = new Reader(archive);
  if (reader.bytes(5).toString('latin1') !== 'PGDMP') throw unreadable('it does not begin with PGDMP');
  const version = (reader.byte() << 8) | reader.byte();
  const revision = reader.byte();
  if (version < OLDEST_FORMAT || version > NEWEST_FORMAT) {
    throw unreadable(
      `its format version is ${version >> 8}.${version & 0xff}.${revision}, expected 1.14 to 1.16`,
    );
  }
  reader.integerBytes = reader.byte();
  const offsetBytes = reader.byte();
  const format = reader.byte();
  if (format !== CUSTOM_FORMAT) throw unreadable(`its format is ${format}, expected the custom format`);
  if (version >= FORMAT_WITH_COMPRESSION_ALGORITHM) reader.byte();
  else reader.integer();
  for (let field = 0; field < 7; field++) reader.integer(); // the time of the dump
  for (let field = 0; field < 3; field++) reader.text(); // database, server version, pg_dump version

  return Array.from({ length: reader.integer() }, () => {
    const dumpId = reader.integer();
    reader.integer(); // whether data belongs to the entry
    const catalog = Number(reader.text());
    const oid = Number(reader.text());
    const tag = reader.text() ?? '';
    const kind = reader.text() ?? '';
    const section = SECTIONS[reader.integer()] ?? 'none';
    const definition = reader.text() ?? '';
    const dropStatement = reader.text() ?? '';
    reader.text(); // the COPY statement
    const schema = reader.text() || undefined;
    const tablespace = reader.text() || undefined;
    const accessMethod = reader.text() || undefined;
    if (version >= FORMAT_WITH_RELATION_KIND) reader.integer();
    const owner = reader.text() || undefined;
    reader.text(); // whether the table has OIDs, which no supported release has
    const dependencies: number[] = [];
    for (let text = reader.text(); text !== undefined; text = reader.text()) dependencies.push(Number(text));
    reader.bytes(1 + offsetBytes); // where the data stands in the file
    return {
      dumpId,
      catalog,
      oid,
      tag,
      kind,
      section,
      definition,
      dropStatement,
      schema,
      tablespace,
      accessMethod,
      owner,
      dependencies,
    };
  });
}

class Reader {
  integerBytes = 4;
  readonly #buffer: Buffer;
  #at = 0;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  bytes(count: number): Buffer {
    if (this.#at + count > this.#buffer.length) throw unreadable('it ends in the middle');
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
    return length < 0 ? undefined : this.bytes(length).toString('utf8');
  }
}

function unreadable(reason: string): HyperferryError {
  return new HyperferryError('CLIENT_PROGRAM', `pg_dump's archive cannot be read: ${reason}`, {
    hint: 'Use pg_dump of PostgreSQL 12 to 18: --pg-bin FOLDER.',
  });
}
