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
  return Buffer.concat([
    ...headerBytes(header, version),
    integer(entries.length),
    ...entries.flatMap((entry) => entryBytes(entry, version)),
  ]);
}

/** What C's `int` and `off_t` have where pg_dump is built today. */
const INTEGER_BYTES = 4;
const OFFSET_BYTES = 8;

function headerBytes(header: ArchiveHeader, version: number): Buffer[] {
  const { compression, time, database, serverVersion, programVersion } = header;
  return [
    Buffer.from(MAGIC, 'latin1'),
    Buffer.from([1, version, 0, INTEGER_BYTES, OFFSET_BYTES, codeOf(FORMATS, 'directory')]),
    version < FIRST_VERSION_WITH_ALGORITHM
      ? integer(compression.algorithm === 'none' ? 0 : (compression.level ?? -1))
      : Buffer.from([ALGORITHMS.indexOf(compression.algorithm)]),
    ...[time.second, time.minute, time.hour, time.day, time.month - 1, time.year - 1900].map(integer),
    integer(time.daylightSaving ? 1 : 0),
    ...[database, serverVersion, programVersion].map(text),
  ];
}

function entryBytes(entry: TocEntry, version: number): Buffer[] {
  const nullable = (field: NullableText): Buffer => text(entry[field] || emptyOrNull(entry, field));
  return [
    integer(entry.dumpId),
    integer(entry.hasData ? 1 : 0),
    text(String(entry.catalog)),
    text(String(entry.oid)),
    text(entry.tag),
    text(entry.kind),
    integer(codeOf(SECTIONS, entry.section)),
    nullable('definition'),
    nullable('dropStatement'),
    nullable('copyStatement'),
    nullable('schema'),
    nullable('tablespace'),
    nullable('accessMethod'),
    ...(version < FIRST_VERSION_WITH_RELATION_KIND ? [] : [integer(entry.relationKind?.charCodeAt(0) ?? 0)]),
    nullable('owner'),
    text('false'), // whether the table has OIDs
    ...entry.dependencies.map((id) => text(String(id))),
    text(undefined),
    text(fileOf(entry)),
  ];
}

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

/** A sign byte, then the bytes of the number from the lowest. */
function integer(value: number): Buffer {
  const bytes = Buffer.alloc(1 + INTEGER_BYTES);
  bytes.writeUInt8(value < 0 ? 1 : 0);
  bytes.writeUInt32LE(Math.abs(value), 1);
  return bytes;
}

/** The length in bytes, -1 for NULL, and the text. */
function text(value: string | undefined): Buffer {
  if (value === undefined) return integer(-1);
  const bytes = Buffer.from(value, 'utf8');
  return Buffer.concat([integer(bytes.length), bytes]);
}

function codeOf<T>(names: Readonly<Record<number, T>>, name: T): number {
  return Number(Object.entries(names).find(([, one]) => one === name)?.[0]);
}
