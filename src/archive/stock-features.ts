import type { TocEntry } from '../postgres/archive/toc-entry.js';
import { IDENTIFIER_PATTERN, quoteQualified, shownIdentifier, unquoted } from '../postgres/quoting.js';
import type { Features } from '../timescale/features.js';
import type { ArchivedRow } from './archived-rows.js';
import { type CatalogRows, hypertableName } from './catalog-rows.js';
import { qualifiedName, shownName } from './table-name.js';

/** What an archive of `pg_dump` tells of TimescaleDB's features, as `readFeatures` reads them from a database. */
export function featuresOf(catalog: CatalogRows, entries: readonly TocEntry[]): Features {
  const hypertables = catalog('hypertable');
  const aggregates = catalog('continuous_agg');
  const columns = columnsOfTables(entries);
  const enums = new Set(entries.flatMap(enumOf));
  const columnsOfType = (hypertable: ArchivedRow, isMeant: (type: string) => boolean): string[] =>
    (columns.get(nameOf(hypertable)) ?? [])
      .filter(({ type }) => isMeant(type.replace(/\[\]$/, '')))
      .map(({ name }) => name);
  const inHypertable = (column: string, hypertable: ArchivedRow): string =>
    `${shownIdentifier(column)} of ${shownNameOf(hypertable)}`;
  return {
    compressedHypertables: hypertables.filter(hasSettings(catalog)).map(shownNameOf),
    continuousAggregates: aggregates.map(viewOf),
    // Before 2.7, which brought the column, none was finalized, and the catalog had the width of buckets.
    partialAggregates: aggregates
      .filter(({ finalized, bucket_width: width }) =>
        finalized === undefined ? width !== undefined : finalized === 'f',
      )
      .map(viewOf),
    realTimeAggregates: aggregates.filter((one) => one.materialized_only === 'f').map(viewOf),
    policies: catalog('bgw_job')
      .filter(({ proc_schema: schema = '' }) => schema.startsWith('_timescaledb_'))
      .map(({ id, proc_name: procedure }) => `job ${id} (${procedure})`),
    distributedHypertables: hypertables
      .filter((one) => one.replication_factor !== undefined)
      .map(shownNameOf),
    compressedOids: hypertables.filter(hasCompressedChunks(catalog)).flatMap((one) =>
      columnsOfType(one, isOidOfObject)
        .filter((column) => !isSegmentedBy(catalog, one, column))
        .map((column) => inHypertable(column, one)),
    ),
    oidPartitions: hypertables.flatMap((one) =>
      columnsOfType(one, (type) => isOidOfObject(type) || enums.has(type))
        .filter((column) => isHashed(catalog, one, column))
        .map((column) => inHypertable(column, one)),
    ),
    hypercore: entries
      .filter(({ kind, accessMethod }) => kind === 'TABLE' && accessMethod === 'hypercore')
      .map(({ schema = '', tag: name }) => shownName({ schema, name })),
  };
}

const nameOf = (row: ArchivedRow): string => quoteQualified(hypertableName(row));

const shownNameOf = (row: ArchivedRow): string => shownName(hypertableName(row));

const viewOf = ({ user_view_schema: schema = '', user_view_name: name = '' }: ArchivedRow): string =>
  shownName({ schema, name });

/** The settings of a hypertable whose chunks may be compressed: rows of their own from 2.14 on, a flag before. */
function settingsOf(catalog: CatalogRows, hypertable: ArchivedRow): ArchivedRow | undefined {
  return catalog('compression_settings').find(({ relid = '' }) => {
    const relation = qualifiedName(relid);
    return relation !== undefined && quoteQualified(relation) === nameOf(hypertable);
  });
}

const hasSettings =
  (catalog: CatalogRows) =>
  (hypertable: ArchivedRow): boolean =>
    hypertable.compression_state === '1' || settingsOf(catalog, hypertable) !== undefined;

const hasCompressedChunks =
  (catalog: CatalogRows) =>
  ({ id }: ArchivedRow): boolean =>
    catalog('chunk').some(
      ({ hypertable_id: of, status }) => of === id && (Number(status ?? 0) & IS_COMPRESSED) !== 0,
    );

/** Source: CHUNK_STATUS_COMPRESSED in TimescaleDB's src/chunk.h */
const IS_COMPRESSED = 1;

function isSegmentedBy(catalog: CatalogRows, hypertable: ArchivedRow, column: string): boolean {
  const columns = settingsOf(catalog, hypertable)?.segmentby ?? '{}';
  const names = columns.slice(1, -1).match(/"(?:[^"\\]|\\.)*"|[^,]+/gs) ?? [];
  return names.some((name) => name.replace(/^"(.*)"$/s, '$1').replace(/\\(.)/gs, '$1') === column);
}

function isHashed(catalog: CatalogRows, { id }: ArchivedRow, column: string): boolean {
  return catalog('dimension').some(
    (one) =>
      one.hypertable_id === id &&
      one.column_name === column &&
      one.num_slices !== undefined &&
      one.partitioning_func === 'get_partition_hash',
  );
}

/** `regclass` and its like. */
function isOidOfObject(type: string): boolean {
  return /^(?:pg_catalog\.)?reg[a-z]+$/.test(type);
}

const TYPE_NAME = `${IDENTIFIER_PATTERN}(?:\\.${IDENTIFIER_PATTERN})?`;
const ENUM = new RegExp(`^CREATE TYPE (${TYPE_NAME}) AS ENUM \\(`, 'm');

function enumOf({ kind, definition }: TocEntry): string[] {
  const name = kind === 'TYPE' ? ENUM.exec(definition)?.[1] : undefined;
  return name === undefined ? [] : [name];
}

/** A column of CREATE TABLE, as `pg_dump` writes it: on a line of its own. Types of several words are none that is looked for. */
const COLUMN = new RegExp(`^    (${IDENTIFIER_PATTERN}) (${TYPE_NAME}(?:\\[\\])?)(?=[ ,\\n])`, 'gm');

function columnsOfTables(entries: readonly TocEntry[]): Map<string, { name: string; type: string }[]> {
  const tables = entries.filter(({ kind }) => kind === 'TABLE');
  return new Map(
    tables.map(({ schema = '', tag, definition }) => [
      quoteQualified({ schema, name: tag }),
      [...definition.matchAll(COLUMN)].map(([, name = '', type = '']) => ({ name: unquoted(name), type })),
    ]),
  );
}
