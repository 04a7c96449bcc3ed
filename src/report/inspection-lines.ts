import { describeDifference } from '../archive/compare-files.js';
import type {
  FileProof,
  InspectedArchive,
  InspectedDump,
  InspectedTable,
  Inspection,
} from '../archive/inspection.js';
import { printable } from './printable.js';
import { countOf, formatBytes, formatCount, formatSeconds } from './units.js';

/** What is in a dump, for people. */
export function inspectionLines(inspection: Inspection): string[] {
  return inspection.madeBy === 'hyperferry' ? dumpLines(inspection) : archiveLines(inspection);
}

const ITEMS_SHOWN = 50;

function dumpLines(dump: InspectedDump): string[] {
  const { source, timescale, hypertables, tables, leftOut, comparison } = dump;
  const others = dump.extensions.filter(({ name }) => name !== 'timescaledb');
  return [
    `Dump ${dump.path}`,
    ...facts([
      ['source', `${source.name}, ${formatBytes(source.bytes)} on its disk, ${source.encoding}`],
      ['taken', dump.takenAt],
      ['PostgreSQL', versionText(source.serverVersion)],
      ['TimescaleDB', timescale ? `${timescale.version}, in the schema ${timescale.schema}` : 'none'],
      ['extensions', others.map(({ name, version }) => `${name} ${version}`).join(', ')],
      ['format', `${FORMATS[dump.kind]}, ${compressionText(dump.compression)}`],
      ['size', `${formatBytes(dump.files.bytes)} in ${countOf(dump.files.count, 'file')}`],
      ['rows noted by', dump.noted],
      ['large objects', dump.largeObjects === 0 ? '' : formatCount(dump.largeObjects)],
      ['aggregates', dump.continuousAggregates.join(', ')],
      ['roles', `${dump.roles.join(', ')}; ${dump.rolePasswords ? 'with' : 'without'} passwords`],
    ]),
    ...section('Hypertables', byRows(hypertables), (one) => [
      one.schema,
      one.name,
      countOf(one.chunks, 'chunk'),
      countOf(one.rows, 'row'),
      ...(one.compressedBatches > 0
        ? [countOf(one.compressedBatches, 'compressed batch', 'compressed batches')]
        : []),
      ...sizeOf(one),
    ]),
    ...section('Tables', byRows(tables), (one) => [
      one.schema,
      one.name,
      countOf(one.rows, 'row'),
      ...sizeOf(one),
    ]),
    ...section('Left out', leftOut, ({ object, reason }) => [undefined, object, reason]),
    ...(comparison ? proofLines(dump, comparison) : []),
  ];
}

const FORMATS = { archive: "PostgreSQL's directory archive", plain: 'SQL for psql' } as const;

function archiveLines(archive: InspectedArchive): string[] {
  const { extensions, tables, extensionTables, serverVersion, programVersion } = archive;
  return [
    `Archive of pg_dump ${archive.path}`,
    ...facts([
      ['database', archive.database ?? ''],
      ['written', `${archive.writtenAt}, by the clock of the machine that wrote it`],
      [
        'PostgreSQL',
        [serverVersion, programVersion && `pg_dump ${programVersion}`].filter(Boolean).join('; '),
      ],
      [
        'extensions',
        extensions.map(({ name, schema }) => (schema ? `${name} in the schema ${schema}` : name)).join(', '),
      ],
      ['format', `${archive.format}, ${archive.archiveVersion}, ${compressionText(archive.compression)}`],
      ['size', `${formatBytes(archive.files.bytes)} in ${countOf(archive.files.count, 'file')}`],
      ['definitions', formatCount(archive.definitions)],
      ['large objects', archive.hasLargeObjects ? 'yes' : 'none'],
    ]),
    ...section('Tables with data', chunksLast(tables), ({ schema, name }) => [schema, name]),
    ...(extensionTables > 0 ? ['', `and ${countOf(extensionTables, 'table')} of extensions`] : []),
    '',
    'Versions of extensions, roles, and numbers of rows do not stand in an archive of pg_dump.',
  ];
}

function proofLines({ files }: InspectedDump, { different, extra, intact, seconds }: FileProof): string[] {
  const all = countOf(files.count, 'file');
  return [
    ...section('Files that are not as they were written', different, (one) => [
      undefined,
      one.name,
      describeDifference(one),
    ]),
    ...section('Files that are not of the dump', extra, (name) => [undefined, name]),
    '',
    intact
      ? `Intact: ${all}, ${formatBytes(files.bytes)}, by size and SHA-256, in ${formatSeconds(seconds)}`
      : `Damaged: ${formatCount(different.length)} of ${all}, compared in ${formatSeconds(seconds)}`,
  ];
}

/** Those without a value are not shown. */
function facts(items: readonly (readonly [title: string, value: string])[]): string[] {
  return items
    .filter(([, value]) => value !== '')
    .map(([title, value]) => `  ${title.padEnd(14)}${printable(value)}`);
}

function section<T>(
  title: string,
  items: readonly T[],
  describe: (item: T) => readonly [schema: string | undefined, name: string, ...more: string[]],
): string[] {
  if (items.length === 0) return [];
  const more = items.length - ITEMS_SHOWN;
  return [
    '',
    `${title} (${formatCount(items.length)}):`,
    ...items.slice(0, ITEMS_SHOWN).map((item) => {
      const [schema, name, ...rest] = describe(item);
      const full = schema === undefined ? name : `${schema}.${name}`;
      return `  ${printable([full, rest.join(', ')].filter((part) => part !== '').join(': '))}`;
    }),
    ...(more > 0 ? [`  and ${formatCount(more)} more, which --json names`] : []),
  ];
}

function byRows<T extends InspectedTable>(tables: readonly T[]): T[] {
  return tables.toSorted(
    (a, b) => b.rows - a.rows || `${a.schema}.${a.name}`.localeCompare(`${b.schema}.${b.name}`),
  );
}

function chunksLast(tables: InspectedArchive['tables']): InspectedArchive['tables'] {
  const isChunk = ({ schema }: { schema: string }): boolean => schema === '_timescaledb_internal';
  return tables.toSorted((a, b) => Number(isChunk(a)) - Number(isChunk(b)));
}

function sizeOf({ bytes }: InspectedTable): string[] {
  return bytes === null ? [] : [formatBytes(bytes)];
}

/** 170011 is 17.11. */
function versionText(version: number): string {
  return `${Math.floor(version / 10_000)}.${version % 10_000}`;
}

function compressionText({ algorithm, level }: { algorithm: string; level?: number | null }): string {
  if (algorithm === 'none') return 'not compressed';
  return level == null || level < 0 ? algorithm : `${algorithm}, level ${level}`;
}
