import { HyperferryError } from '../error.js';
import type { ArchiveHeader, ArchiveTime, Compression } from './archive-header.js';
import {
  ALGORITHMS,
  FIRST_VERSION_WITH_ALGORITHM,
  FIRST_VERSION_WITH_RELATION_KIND,
  FORMATS,
  MAGIC,
  OFFSET,
  SECTIONS,
  VERSIONS,
} from './format-codes.js';
import { EndOfBytes, TocCursor, WrongBytes } from './toc-cursor.js';
import { type DataLocation, NULLABLE_TEXTS, type TocEntry } from './toc-entry.js';

export type { TocEntry } from './toc-entry.js';

/** A table of contents, and where it ends in the bytes that it was read from. */
export interface ArchiveToc {
  readonly header: ArchiveHeader;
  readonly entries: readonly TocEntry[];
  readonly end: number;
  /** How many bytes an integer has, which also holds for the blocks of a custom-format archive. */
  readonly integerBytes: number;
}

/**
 * Reads the table of contents of an archive that `pg_dump` has just written: of one in the custom format, or of a
 * `toc.dat` of one in the directory format.
 *
 * @throws HyperferryError `CLIENT_PROGRAM` for bytes that are no such archive, or one of another format version.
 */
export function readArchiveToc(archive: Buffer): ArchiveToc {
  const unreadable = (reason: string): HyperferryError =>
    new HyperferryError('CLIENT_PROGRAM', `pg_dump's archive cannot be read: ${reason}`, {
      hint: 'Use pg_dump of PostgreSQL 12 to 18: --pg-bin FOLDER.',
    });
  const read = parseArchiveToc(archive, unreadable);
  if (read.state === 'incomplete') throw unreadable('it ends in the middle');
  return read.toc;
}

/**
 * Reads a table of contents from the beginning of an archive's bytes, if they hold all of it.
 * Source: ReadHead() and ReadToc() in PostgreSQL's src/bin/pg_dump/pg_backup_archiver.c.
 *
 * @param unreadable makes the error to throw for bytes that are the beginning of no archive that Hyperferry reads
 */
export function parseArchiveToc(
  archive: Buffer,
  unreadable: (reason: string, hint?: string) => HyperferryError,
): { readonly state: 'whole'; readonly toc: ArchiveToc } | { readonly state: 'incomplete' } {
  try {
    return { state: 'whole', toc: readToc(new TocCursor(archive)) };
  } catch (error) {
    if (error instanceof EndOfBytes) return { state: 'incomplete' };
    if (error instanceof WrongBytes) throw unreadable(error.message, error.hint);
    throw error;
  }
}

interface Format {
  readonly version: number;
  readonly offsetBytes: number;
  readonly name: ArchiveHeader['format'];
}

function readToc(cursor: TocCursor): ArchiveToc {
  const format = readFormat(cursor);
  const header: ArchiveHeader = {
    format: format.name,
    version: VERSIONS[format.version] ?? '1.16',
    compression: readCompression(cursor, format.version),
    time: readTime(cursor),
    database: cursor.text(),
    serverVersion: cursor.text(),
    programVersion: cursor.text(),
  };
  const count = cursor.integer();
  const entries: TocEntry[] = [];
  while (entries.length < count) entries.push(readEntry(cursor, format));
  return { header, entries, end: cursor.position, integerBytes: cursor.integerBytes };
}

function readFormat(cursor: TocCursor): Format {
  if (cursor.bytes(MAGIC.length).toString('latin1') !== MAGIC) {
    throw new WrongBytes(`it does not begin with ${MAGIC}, as pg_dump's custom and directory formats do`);
  }
  const [major, version, revision] = [cursor.byte(), cursor.byte(), cursor.byte()];
  if (major !== 1 || !(version in VERSIONS)) {
    throw new WrongBytes(`its format version is ${major}.${version}.${revision}, expected 1.14 to 1.16`);
  }
  const integerBytes = cursor.byte();
  if (integerBytes < 1 || integerBytes > 6) throw new WrongBytes(`its integers have ${integerBytes} bytes`);
  cursor.integerBytes = integerBytes;
  const offsetBytes = cursor.byte();
  const code = cursor.byte();
  const name = FORMATS[code];
  if (name === undefined) {
    throw new WrongBytes(`its format is ${code}, expected 1 (custom) or 3 (directory)`);
  }
  return { version, offsetBytes, name };
}

function readCompression(cursor: TocCursor, version: number): Compression {
  if (version < FIRST_VERSION_WITH_ALGORITHM) {
    const level = cursor.integer();
    return { algorithm: level === 0 ? 'none' : 'gzip', level };
  }
  const code = cursor.byte();
  const algorithm = ALGORITHMS[code];
  if (algorithm === undefined) {
    throw new WrongBytes(`its compression is ${code}, expected 0 (none), 1 (gzip), 2 (lz4) or 3 (zstd)`);
  }
  return { algorithm };
}

/** The fields of C's `struct tm`, in their order there. */
function readTime(cursor: TocCursor): ArchiveTime {
  const [second, minute, hour, day] = [
    cursor.integer(),
    cursor.integer(),
    cursor.integer(),
    cursor.integer(),
  ];
  const [month, year, daylightSaving] = [cursor.integer() + 1, cursor.integer() + 1900, cursor.integer() > 0];
  return { year, month, day, hour, minute, second, daylightSaving };
}

function readEntry(cursor: TocCursor, format: Format): TocEntry {
  const dumpId = cursor.integer();
  if (dumpId <= 0) throw new WrongBytes(`an entry of its table of contents has the number ${dumpId}`);
  const hasData = cursor.integer() !== 0;
  const [catalog, oid] = [cursor.numberAsText(), cursor.numberAsText()];
  const [tag, kind] = [cursor.text() ?? '', cursor.text() ?? ''];
  const section = SECTIONS[cursor.integer()] ?? 'none';
  const [definition, dropStatement, copyStatement] = [cursor.text(), cursor.text(), cursor.text()];
  const [schema, tablespace, accessMethod] = [cursor.text(), cursor.text(), cursor.text()];
  const relationKind = format.version < FIRST_VERSION_WITH_RELATION_KIND ? 0 : cursor.integer();
  const owner = cursor.text();
  cursor.text(); // whether the table has OIDs, which no supported release has
  const dependencies: number[] = [];
  for (let text = cursor.text(); text !== undefined; text = cursor.text()) dependencies.push(Number(text));
  const texts = { definition, dropStatement, copyStatement, schema, tablespace, accessMethod, owner };
  return {
    dumpId,
    catalog,
    oid,
    tag,
    kind,
    section,
    definition: definition ?? '',
    dropStatement: dropStatement ?? '',
    copyStatement: copyStatement || undefined,
    schema: schema || undefined,
    tablespace: tablespace || undefined,
    accessMethod: accessMethod || undefined,
    relationKind: relationKind === 0 ? undefined : String.fromCharCode(relationKind),
    owner: owner || undefined,
    dependencies,
    hasData,
    data: readLocation(cursor, format),
    emptyTexts: NULLABLE_TEXTS.filter((field) => texts[field] === ''),
  };
}

/** Source: _ReadExtraToc() in pg_backup_custom.c and in pg_backup_directory.c. */
function readLocation(cursor: TocCursor, { name, offsetBytes }: Format): DataLocation {
  if (name === 'directory') {
    const file = cursor.text();
    return file ? { at: 'file', name: file } : { at: 'nowhere' };
  }
  const state = cursor.byte();
  const position = cursor.bytes(offsetBytes).reduceRight((sum, byte) => sum * 256 + byte, 0);
  switch (state) {
    case OFFSET.unknown:
      return { at: 'unknown-position' };
    case OFFSET.known:
      return { at: 'position', position };
    case OFFSET.nowhere:
      return { at: 'nowhere' };
    default:
      throw new WrongBytes(`an entry of its table of contents has data of the unknown state ${state}`);
  }
}
