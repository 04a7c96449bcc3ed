import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { failedOnFile } from '../postgres/archive/archive-error.js';
import type { ArchiveTime } from '../postgres/archive/archive-header.js';
import { openArchive } from '../postgres/archive/open-archive.js';
import { HyperferryError } from '../postgres/error.js';
import { nameOf } from '../verify/compared-relation.js';
import { compareFiles } from './compare-files.js';
import { dumpPath } from './dump-path.js';
import { isOfExtension } from './entry-kinds.js';
import type {
  FileProof,
  InspectedArchive,
  InspectedDump,
  InspectedHypertable,
  InspectedTable,
  Inspection,
} from './inspection.js';
import { kindOfDump } from './kind-of-dump.js';
import type { Manifest, ManifestFile, ManifestTable } from './manifest.js';
import { openManifest } from './open-dump.js';

/** What `inspect` is asked to do. */
export interface InspectOptions {
  /** The folder of a dump, or an archive of `pg_dump`: a folder (`-Fd`) or a file (`-Fc`). */
  readonly from: string;
  /** Compare presence, size and SHA-256 of every file with the manifest. Default: no. */
  readonly verify?: boolean | undefined;
  /** Files that are compared at a time; one a core unless said. */
  readonly jobs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called with the bytes of all files before they are compared, and with each file's when it was. */
  readonly onPlanned?: ((bytes: number) => void) | undefined;
  readonly onCompared?: ((bytes: number) => void) | undefined;
}

/**
 * Tells what is in a dump, without a server. Files that are damaged are no error, but a part of the answer.
 *
 * @throws HyperferryError `ARCHIVE` for what is no dump, or one whose manifest or table of contents cannot be read
 *
 * @example
 * const dump = await inspect({ from: '/backup/tsdb', verify: true });
 * if (dump.madeBy === 'hyperferry' && !dump.comparison?.intact) console.log(dump.comparison?.different);
 */
export async function inspect(options: InspectOptions): Promise<Inspection> {
  const path = dumpPath(options.from);
  const kind = await kindOfDump(path);
  if (kind === 'pg_dump' && !options.verify) return inspectArchive(path);
  const manifest = await openManifest(path);
  return inspectDump(path, manifest, options.verify ? await prove(path, manifest, options) : undefined);
}

async function prove(path: string, { files }: Manifest, options: InspectOptions): Promise<FileProof> {
  const { jobs, signal, onPlanned, onCompared } = options;
  const begun = performance.now();
  onPlanned?.(bytesOf(files));
  try {
    const compared = await compareFiles(path, files, {
      isHashed: () => true,
      jobs,
      signal,
      onCompared: ({ bytes }) => onCompared?.(bytes),
    });
    const seconds = Math.round(performance.now() - begun) / 1000;
    return { intact: compared.different.length === 0, ...compared, seconds };
  } catch (error) {
    if (signal?.aborted) throw new HyperferryError('INTERRUPTED', 'interrupted', { cause: error });
    throw error;
  }
}

function inspectDump(path: string, manifest: Manifest, comparison: FileProof | undefined): InspectedDump {
  const { id, kind, source, snapshot, timescale, extensions, compression, tables, files } = manifest;
  return {
    madeBy: 'hyperferry',
    path,
    id,
    kind,
    source,
    takenAt: snapshot.takenAt,
    timescale,
    extensions,
    compression,
    noted: tables.some(({ checksum }) => checksum === null) ? 'counts' : 'checksums',
    hypertables: hypertablesOf(manifest),
    continuousAggregates: manifest.continuousAggregates,
    tables: tablesOf(manifest),
    largeObjects: manifest.largeObjects,
    roles: manifest.roles,
    rolePasswords: manifest.rolePasswords,
    leftOut: manifest.leftOut,
    files: { count: files.length, bytes: bytesOf(files) },
    comparison,
  };
}

function hypertablesOf(manifest: Manifest): InspectedHypertable[] {
  const sizeOf = sizesIn(manifest);
  const parts = new Map<string, ManifestTable[]>();
  for (const table of manifest.tables) {
    const of = table.kind === 'hypertable' ? table : table.hypertable;
    if (of) parts.set(nameOf(of), [...(parts.get(nameOf(of)) ?? []), table]);
  }
  return manifest.tables
    .filter(({ kind }) => kind === 'hypertable')
    .map((hypertable) => {
      const all = parts.get(nameOf(hypertable)) ?? [];
      const plain = all.filter(({ compressed }) => !compressed);
      return {
        ...nameAlone(hypertable),
        rows: rowsOf(plain),
        bytes: sizeOf(all),
        chunks: plain.length - 1,
        compressedBatches: rowsOf(all.filter(({ compressed }) => compressed)),
      };
    });
}

function tablesOf(manifest: Manifest): InspectedTable[] {
  const sizeOf = sizesIn(manifest);
  return manifest.tables
    .filter(({ kind, hypertable }) => kind !== 'hypertable' && !hypertable)
    .map((table) => ({ ...nameAlone(table), rows: table.rows, bytes: sizeOf([table]) }));
}

/** The bytes of tables' files, where each has one. */
function sizesIn({ files }: Manifest): (tables: readonly ManifestTable[]) => number | null {
  const bytes = new Map(files.map((file) => [file.name, file.bytes]));
  return (tables) =>
    tables.some(({ file }) => file === null)
      ? null
      : tables.reduce((sum, { file }) => sum + (bytes.get(file ?? '') ?? 0), 0);
}

function nameAlone({ schema, name }: ManifestTable): Pick<ManifestTable, 'schema' | 'name'> {
  return { schema, name };
}

function rowsOf(tables: readonly ManifestTable[]): number {
  return tables.reduce((sum, { rows }) => sum + rows, 0);
}

function bytesOf(files: readonly ManifestFile[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}

async function inspectArchive(path: string): Promise<InspectedArchive> {
  const { header, entries } = await openArchive(path);
  const isConfiguration = isOfExtension(entries);
  const data = entries.filter(({ kind }) => kind === 'TABLE DATA');
  return {
    madeBy: 'pg_dump',
    path,
    format: header.format,
    archiveVersion: header.version,
    compression: header.compression,
    writtenAt: clockText(header.time),
    database: header.database,
    serverVersion: header.serverVersion,
    programVersion: header.programVersion,
    extensions: entries
      .filter(({ kind }) => kind === 'EXTENSION')
      .map(({ tag, definition }) => ({ name: tag, schema: schemaIn(definition) })),
    definitions: entries.filter(({ section }) => section !== 'data').length,
    tables: data
      .filter((entry) => !isConfiguration(entry))
      .map(({ schema = '', tag }) => ({ schema, name: tag })),
    extensionTables: data.filter(isConfiguration).length,
    hasLargeObjects: entries.some(({ kind }) => kind === 'BLOBS'),
    files: await filesAt(path),
  };
}

/** `2026-11-23 09:30:47` */
function clockText({ year, month, day, hour, minute, second }: ArchiveTime): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${year}-${two(month)}-${two(day)} ${two(hour)}:${two(minute)}:${two(second)}`;
}

/** The schema that `CREATE EXTENSION … WITH SCHEMA …;` names, as an identifier of SQL is read. */
function schemaIn(definition: string): string | null {
  const [, quoted, plain] = / WITH SCHEMA (?:"((?:[^"]|"")*)"|(\w+));/.exec(definition) ?? [];
  return quoted?.replaceAll('""', '"') ?? plain ?? null;
}

async function filesAt(path: string): Promise<InspectedArchive['files']> {
  try {
    const found = await stat(path);
    if (!found.isDirectory()) return { count: 1, bytes: found.size };
    const sizes = await Promise.all(
      (await readdir(path)).map(async (name) => (await stat(join(path, name))).size),
    );
    return { count: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
  } catch (error) {
    throw failedOnFile('read', path, error);
  }
}
