import type { QualifiedName } from '../inventory/sequences.js';
import type { Archive } from '../postgres/archive/open-archive.js';
import { type ArchivedRow, readRows } from './archived-rows.js';
import { isOfExtension } from './entry-kinds.js';

/** The rows of a table of TimescaleDB's catalog, by its name; none of one that the version does not have. */
export type CatalogRows = (table: string) => readonly ArchivedRow[];

/** What says which relations belong to a hypertable. Jobs are in another schema up to TimescaleDB 2.19. */
const READ = new Set([
  'hypertable',
  'dimension',
  'chunk',
  'compression_settings',
  'continuous_agg',
  'bgw_job',
]);

export async function readCatalogRows(archive: Archive): Promise<CatalogRows> {
  const rows = new Map<string, readonly ArchivedRow[]>();
  for (const entry of archive.entries.filter(isOfExtension(archive.entries))) {
    const { schema = '', tag } = entry;
    if (!['_timescaledb_catalog', '_timescaledb_config'].includes(schema) || !READ.has(tag)) continue;
    rows.set(tag, await readRows(archive, entry));
  }
  return (table) => rows.get(table) ?? [];
}

/** The table that a row of `hypertable` is about. */
export function hypertableName({
  schema_name: schema = '',
  table_name: name = '',
}: ArchivedRow): QualifiedName {
  return { schema, name };
}
