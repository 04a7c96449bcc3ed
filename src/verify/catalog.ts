import type { ConfigurationRelation, Extension } from '../inventory/extensions.js';
import type { Inventory } from '../inventory/inventory.js';
import { readSequenceValues } from '../inventory/sequences.js';
import { quoteQualified } from '../postgres/quoting.js';
import type { Session } from '../postgres/session.js';
import { installationRows } from '../timescale/timescale.js';
import type { ColumnsByRelation } from './columns.js';
import { nameOf } from './compared-relation.js';
import { readKeys } from './differing-rows.js';
import { ObjectSet } from './object-set.js';
import { valueText } from './row-hash.js';

/**
 * What extensions keep for the user: TimescaleDB's hypertables, dimensions, chunks, settings of compression, continuous
 * aggregates with watermarks and invalidations, jobs. Each table that the extension names for dumps
 * (`pg_extension.extconfig`), under the condition that it names; each row by its key. OIDs print as names.
 */
export async function readCatalog(
  session: Session,
  inventory: Inventory,
  columns: ColumnsByRelation,
  isComparable: (extension: Extension) => boolean,
): Promise<ObjectSet> {
  const objects = new ObjectSet();
  const relations = inventory.extensions
    .filter((extension) => isComparable(extension))
    .flatMap(({ configuration }) => configuration);
  const tables = relations.filter(({ kind }) => kind === 'table');
  const keys = await readKeys(
    session,
    tables.map(({ oid }) => oid),
  );
  const contents = await Promise.all(
    tables.map((table) => session.query<{ values: (string | null)[] }>(rowsQuery(table, columns))),
  );
  for (const [index, table] of tables.entries()) {
    const names = (columns.get(table.oid) ?? []).map(({ name }) => name);
    const key = keys.get(table.oid) ?? [];
    for (const { values } of contents[index] ?? []) {
      const lines = names.map((name, at) => `${name} = ${values[at] ?? 'NULL'}`);
      const isKey = (_: string, at: number): boolean => key.includes(names[at] ?? '');
      const label = key.length > 0 ? lines.filter(isKey) : lines;
      objects.add(nameOf(table), label.join(', '), lines);
    }
  }
  const sequences = relations.filter(({ kind }) => kind === 'sequence');
  for (const value of await readSequenceValues(session, sequences)) {
    objects.add('sequence', nameOf(value), [`${value.lastValue}${value.isCalled ? '' : ' (not called)'}`]);
  }
  return objects;
}

function rowsQuery(table: ConfigurationRelation, columns: ColumnsByRelation): string {
  const values = (columns.get(table.oid) ?? []).map((column) => valueText(column));
  const own = installationRows(table);
  // The condition is SQL that the extension wrote over the table's columns.
  const from = `(SELECT * FROM ONLY ${quoteQualified(table)} ${table.condition}) AS hf_row`;
  return `SELECT ARRAY[${values.join(', ')}]::text[] AS values FROM ${from} ${own ? `WHERE NOT (${own})` : ''}`;
}
