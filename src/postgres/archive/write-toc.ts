import { HyperferryError } from '../error.js';
import type { ArchiveHeader } from './archive-header.js';
import {
  ALGORITHMS,
  FIRST_VERSION_WITH_ALGORITHM,
  FIRST_VERSION_WITH_RELATION_KIND,
  FORMATS,
  MAGIC,
  SECTIONS,
  VERSIONS,
} from './format-codes.js';
import type { NullableText, TocEntry } from './toc-entry.js';

/**
 * The `toc.dat` of an archive in the directory format, for pg_restore of the PostgreSQL that the header's version
 * belongs to, and of newer ones. The entries stand in it in the order in which they are given.
 * Source: WriteHead() and WriteToc() in PostgreSQL's src/bin/pg_dump/pg_backup_archiver.c, and _WriteExtraToc() in
 * pg_backup_directory.c.
 */
export function writeArchiveToc(header: ArchiveHeader, entries: readonly TocEntry[]): Buffer {
  const version = codeOf(VERSIONS, header.version);
  const bytes = new TocBytes();
  addHeader(bytes, header, version);
  bytes.integer(entries.length);
  for (const entry of entries) addEntry(bytes, entry, version);
  return bytes.written;
}

/** What C's `int` and `off_t` have where pg_dump is built today. */
const INTEGER_BYTES = 4;
const OFFSET_BYTES = 8;

function addHeader(bytes: TocBytes, header: ArchiveHeader, version: number): void {
  const { compression, time, database, serverVersion, programVersion } = header;
  bytes.raw(Buffer.from(MAGIC, 'latin1'));
  bytes.raw([1, version, 0, INTEGER_BYTES, OFFSET_BYTES, codeOf(FORMATS, 'directory')]);
  if (version < FIRST_VERSION_WITH_ALGORITHM)
    bytes.integer(compression.algorithm === 'none' ? 0 : (compression.level ?? -1));
  else bytes.raw([ALGORITHMS.indexOf(compression.algorithm)]);
  for (const field of [time.second, time.minute, time.hour, time.day, time.month - 1, time.year - 1900])
    bytes.integer(field);
  bytes.integer(time.daylightSaving ? 1 : 0);
  for (const field of [database, serverVersion, programVersion]) bytes.text(field);
}

function addEntry(bytes: TocBytes, entry: TocEntry, version: number): void {
  const nullable = (field: NullableText): void => bytes.text(entry[field] || emptyOrNull(entry, field));
  bytes.integer(entry.dumpId);
  bytes.integer(entry.hasData ? 1 : 0);
  bytes.text(String(entry.catalog));
  bytes.text(String(entry.oid));
  bytes.text(entry.tag);
  bytes.text(entry.kind);
  bytes.integer(SECTION_CODES.get(entry.section) ?? 0);
  nullable('definition');
  nullable('dropStatement');
  nullable('copyStatement');
  nullable('schema');
  nullable('tablespace');
  nullable('accessMethod');
  if (version >= FIRST_VERSION_WITH_RELATION_KIND) bytes.integer(entry.relationKind?.charCodeAt(0) ?? 0);
  nullable('owner');
  bytes.text('false'); // whether the table has OIDs
  for (const id of entry.dependencies) bytes.text(String(id));
  bytes.text(undefined);
  bytes.text(fileOf(entry));
}

const SECTION_CODES = new Map(Object.entries(SECTIONS).map(([code, name]) => [name, Number(code)]));

/** The kinds for which pg_dump writes the name of a tablespace, which is empty for the database's own. */
const IN_TABLESPACES = new Set(['TABLE', 'MATERIALIZED VIEW', 'INDEX', 'CONSTRAINT']);

function emptyOrNull({ kind, emptyTexts }: TocEntry, field: NullableText): '' | undefined {
  const isEmpty = emptyTexts
    ? emptyTexts.includes(field)
    : field === 'tablespace' && IN_TABLESPACES.has(kind);
  return isEmpty ? '' : undefined;
}

function fileOf({ data, kind, tag }: TocEntry): string {
  if (data.at === 'file') return data.name;
  if (data.at === 'nowhere') return '';
  throw new HyperferryError('INTERNAL', `expected a file for the data of ${kind} ${tag}, found ${data.at}`);
}

/** What one of JavaScript's characters becomes in UTF-8 at the most. */
const MOST_BYTES_A_UNIT = 3;

/**
 * The elements of a table of contents, one after the other in one buffer: of an archive with some ten thousand entries,
 * a buffer for each element took as long as reading them from the server.
 */
class TocBytes {
  #bytes = Buffer.allocUnsafe(1024 ** 2);
  #length = 0;

  get written(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  raw(bytes: ArrayLike<number>): void {
    this.#makeRoom(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** A sign byte, then the bytes of the number from the lowest. */
  integer(value: number): void {
    this.#makeRoom(1 + INTEGER_BYTES);
    this.#bytes[this.#length] = value < 0 ? 1 : 0;
    this.#length = this.#bytes.writeUInt32LE(Math.abs(value), this.#length + 1);
  }

  /** The length in bytes, -1 for NULL, and the text. */
  text(value: string | undefined): void {
    if (value === undefined) {
      this.integer(-1);
      return;
    }
    this.#makeRoom(1 + INTEGER_BYTES + value.length * MOST_BYTES_A_UNIT);
    const begin = this.#length + 1 + INTEGER_BYTES;
    const length = this.#bytes.write(value, begin, 'utf8');
    this.integer(length);
    this.#length = begin + length;
  }

  #makeRoom(length: number): void {
    if (this.#length + length <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(2 * (this.#length + length));
    this.written.copy(larger);
    this.#bytes = larger;
  }
}

function codeOf<T>(names: Readonly<Record<number, T>>, name: T): number {
  return Number(Object.entries(names).find(([, one]) => one === name)?.[0]);
}
