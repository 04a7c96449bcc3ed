import { HyperferryError } from '../postgres/error.js';
import { quoteIdentifier, quoteLiteral, quoteQualified } from '../postgres/quoting.js';
import type { Session } from '../postgres/session.js';

/** TimescaleDB as it is installed in one database. */
export interface Timescale {
  readonly version: string;
  /** The schema of the extension's public functions: `public` unless the user chose another. */
  readonly schema: string;
  /** Whether the connecting role may update and drop the extension. */
  readonly isOwned: boolean;
  /** Whether this version compresses a column of only NULLs to a value that no input function takes back. */
  readonly storesNullAsUnreadableValue: boolean;
}

const READ_EXTENSION = `
SELECT e.extversion AS version, n.nspname AS schema,
       pg_catalog.pg_has_role(e.extowner, 'MEMBER') AS "isOwned"
FROM pg_catalog.pg_extension e
JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
WHERE e.extname = 'timescaledb'`;

/** Reads what the database has of TimescaleDB; `undefined` for plain PostgreSQL. */
export async function readTimescale(session: Session): Promise<Timescale | undefined> {
  const [row] = await session.query<{
    version: string;
    schema: string;
    isOwned: boolean;
  }>(READ_EXTENSION);
  if (!row) return undefined;
  if (!/^2\./.test(row.version)) {
    throw new HyperferryError(
      'UNSUITABLE',
      `the ${session.side} runs TimescaleDB ${row.version}, expected 2.x`,
      {
        hint: 'Update it first: ALTER EXTENSION timescaledb UPDATE; as the first command of a fresh session.',
      },
    );
  }
  return {
    version: row.version,
    schema: row.schema,
    isOwned: row.isOwned,
    storesNullAsUnreadableValue: storesNullAsUnreadableValue(row.version),
  };
}

/** Whether a version compresses a column of only NULLs to a value that no input function takes back. */
export function storesNullAsUnreadableValue(version: string): boolean {
  return isBetween(version, '2.19.0', '2.20.0');
}

/**
 * The columns of type `compressed_data` of versions 2.19.0 to 2.20.0 may hold a value of one byte, 6, which means
 * NULL and which `compressed_data_in` and `compressed_data_recv` refuse ("function … returned NULL"). The
 * expression gives NULL for it. A value that small is never stored out of line, so nothing is detoasted.
 */
export function readableCompressedValue(column: string): string {
  const name = quoteIdentifier(column);
  return `CASE WHEN ${readableCompressedCondition(name)} THEN ${name} END AS ${name}`;
}

/** SQL that says whether a value of a compressed column is one that can be read, and not the one that means NULL. */
export function readableCompressedCondition(value: string): string {
  return `pg_catalog.pg_column_size(${value}) > 5`;
}

/**
 * Which rows of a catalog table tell of the installation and not of what the user keeps: when and under which
 * identifier the extension was made in the database. SQL over the table's columns; undefined where there are none.
 */
export function installationRows(table: {
  readonly schema: string;
  readonly name: string;
}): string | undefined {
  return table.schema === '_timescaledb_catalog' && table.name === 'metadata'
    ? "key IN ('uuid', 'exported_uuid', 'install_timestamp', 'timescaledb_version')"
    : undefined;
}

/**
 * Turns the restore mode of the target's database on, for this session and all that come after.
 * In restore mode TimescaleDB's hooks are off: a hypertable and its chunks are plain tables.
 */
export async function beginRestoreMode(
  session: Session,
  timescale: Pick<Timescale, 'schema'>,
): Promise<void> {
  await session.query(`SELECT ${quoteIdentifier(timescale.schema)}.timescaledb_pre_restore()`);
}

/** Ends restore mode and lets background jobs run. Raises `catalog version mismatch` when the versions differ. */
export async function endRestoreMode(session: Session, timescale: Pick<Timescale, 'schema'>): Promise<void> {
  await session.query(`SELECT ${quoteIdentifier(timescale.schema)}.timescaledb_post_restore()`);
}

/** Turns restore mode off for this session alone: what TimescaleDB's hooks must see is done in such a session. */
export const LEAVE_RESTORE_MODE_IN_SESSION = 'SET timescaledb.restoring = off';

/** Lets foreign keys to hypertables see the rows of chunks. The setting is there in versions that have such keys. */
export const CARRY_KEYS_TO_CHUNKS = `
SELECT pg_catalog.set_config(name, 'on', false)
FROM (VALUES ('timescaledb.enable_foreign_key_propagation')) AS setting (name)
WHERE pg_catalog.current_setting(name, true) <> 'on'`;

const IS_RESTORING = `
SELECT EXISTS (
  SELECT FROM pg_catalog.pg_db_role_setting
  WHERE setdatabase = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
    AND setconfig && ARRAY['timescaledb.restoring=on', 'timescaledb.restoring=true']
) AS restoring`;

/** Whether the database was left in restore mode. */
export async function isInRestoreMode(session: Session): Promise<boolean> {
  return (await session.one<{ restoring: boolean }>(IS_RESTORING)).restoring;
}

/** SQL that gives the tables of all hypertables, those that hold compressed or materialized rows included: OID, owner, grants. */
export const HYPERTABLES = `
SELECT c.oid, c.relowner, c.relacl
FROM _timescaledb_catalog.hypertable h
JOIN pg_catalog.pg_namespace n ON n.nspname = h.schema_name
JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = h.table_name`;

/** The OIDs of all hypertables, those that hold compressed or materialized rows included. */
export async function readHypertables(session: Session): Promise<Set<number>> {
  const rows = await session.query<{ oid: string }>(`SELECT h.oid::int8 AS oid FROM (${HYPERTABLES}) AS h`);
  return new Set(rows.map(({ oid }) => Number(oid)));
}

/** Whether a schema is one that the extension makes for itself. */
export function isTimescaleSchema(schema: string): boolean {
  return schema.startsWith('_timescaledb_');
}

/** Whether a type is the one that holds compressed columns. */
export function isCompressedData(type: { readonly schema: string; readonly name: string }): boolean {
  return type.schema === '_timescaledb_internal' && type.name === 'compressed_data';
}

/** Whether a type is that of the filters over the hashes of a batch's values, which 2.20 and later versions make. */
export function isBloomFilter(type: { readonly schema: string; readonly name: string }): boolean {
  return type.schema === '_timescaledb_internal' && type.name === 'bloom1';
}

/** Of the names of columns behind a hash, as many bytes are kept. */
const NAMES_KEPT = 39;

/**
 * Whether a filter may be over a column, by the filter's name: it ends with the name of its column, or with a hash and the
 * names of its columns, which may be cut.
 * Source: compressed_column_metadata_name_v2() in TimescaleDB's tsl/src/compression/create.c
 *
 * @param columns all that the chunk has
 */
export function mayBeOver(filter: string, column: string, columns: readonly string[]): boolean {
  const named = /^_ts_meta_v2_bloom[^_]*_(.*)$/s.exec(filter)?.[1] ?? filter;
  if (columns.includes(named)) return named === column;
  const names = named.replace(/^[0-9a-f]{4}_/, '');
  return Buffer.byteLength(names) >= NAMES_KEPT || names.includes(column);
}

/** Whether a table is the one that names the tablespaces attached to hypertables. */
export function isTablespaceCatalog(table: { readonly schema: string; readonly name: string }): boolean {
  return table.schema === '_timescaledb_catalog' && table.name === 'tablespace';
}

/** The lowest versions that Timescale's own service offers, by PostgreSQL's major version. */
export const LOWEST_SERVICE_VERSIONS: ReadonlyMap<number, string> = new Map([
  [12, '1.7.5'],
  [13, '2.1.0'],
  [14, '2.5.0'],
  [15, '2.9.0'],
]);

/** Whether a table is the one that holds background jobs; version 2.20 and later versions moved it. */
export function isJobTable(table: { readonly schema: string; readonly name: string }): boolean {
  return ['_timescaledb_config', '_timescaledb_catalog'].includes(table.schema) && table.name === 'bgw_job';
}

/** The table of all hypertables. */
export const HYPERTABLE_CATALOG = { schema: '_timescaledb_catalog', name: 'hypertable' };

/** Whether a table is the one that holds the ranges of columns by chunk, for chunk skipping. */
export function isColumnStatistics(table: { readonly schema: string; readonly name: string }): boolean {
  return table.schema === '_timescaledb_catalog' && table.name === 'chunk_column_stats';
}

/** Whether a table is the one that tells the version and the time of the installation. */
export function isMetadata(table: { readonly schema: string; readonly name: string }): boolean {
  return table.schema === '_timescaledb_catalog' && table.name === 'metadata';
}

/**
 * SQL that fills a continuous aggregate of which the catalog says that it is filled; undefined before 2.18, where nothing
 * forces a refresh.
 */
export function forcedRefresh(
  version: string,
  aggregate: { readonly schema: string; readonly name: string },
): string | undefined {
  if (compareVersions(version, '2.18.0') < 0) return undefined;
  return `CALL refresh_continuous_aggregate(${quoteLiteral(quoteQualified(aggregate))}, NULL, NULL, force => true);`;
}

/**
 * Whether the version fails to sort what a real-time aggregate gives by its bucket, where the view was made of its text, on
 * PostgreSQL 16 and newer: `ORDER/GROUP BY expression not found in targetlist`. Source: TimescaleDB's commit 5a333da2c
 */
export function failsToSortRestoredAggregates(version: string, serverVersion: number): boolean {
  return serverVersion >= 160_000 && isBetween(version, '2.18.0', '2.19.999');
}

function isBetween(version: string, first: string, last: string): boolean {
  return compareVersions(version, first) >= 0 && compareVersions(version, last) <= 0;
}

/** Negative, zero or positive as `a` is older than, the same as, or newer than `b`; a pre-release counts as its release. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => text.split('-')[0]?.split('.').map(Number) ?? []);
  for (let part = 0; part < 3; part++) {
    const difference = (left?.[part] ?? 0) - (right?.[part] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
