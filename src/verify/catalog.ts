import type { ConfigurationRelation } from '../inventory/extensions.js';
import { readSequenceValues } from '../inventory/sequences.js';
import { quoteLiteral, quoteQualified } from '../postgres/quoting.js';
import type { Session } from '../postgres/session.js';
import { installationRows } from '../timescale/timescale.js';
import type { ColumnsByRelation, ComparedColumn } from './columns.js';
import { nameOf } from './compared-relation.js';
import { readKeys } from './differing-rows.js';
import type { ObjectQuery } from './object-queries.js';
import { ObjectSet } from './object-set.js';
import { valueText } from './row-hash.js';

/**
 * What extensions keep for the user: TimescaleDB's hypertables, dimensions, chunks, settings of compression, continuous
 * aggregates with watermarks and invalidations, jobs. Each table that the extension names for dumps
 * (`pg_extension.extconfig`), under the condition that it names; each row by its key. OIDs print as names.
 */
export async function catalogQueries(
  session: Session,
  columns: ColumnsByRelation,
  relations: readonly ConfigurationRelation[],
): Promise<Map<string, ObjectQuery>> {
  const tables = relations.filter(({ kind }) => kind === 'table');
  const keys = await readKeys(
    session,
    tables.map(({ oid }) => oid),
  );
  return new Map(
    tables.map((table) => {
      const ofTable = columns.get(table.oid) ?? [];
      return [nameOf(table), catalogQuery(table, ofTable, keys.get(table.oid) ?? [])];
    }),
  );
}

function catalogQuery(
  table: ConfigurationRelation,
  columns: readonly ComparedColumn[],
  key: readonly string[],
): ObjectQuery {
  const kind = nameOf(table);
  const lines = columns.map(
    (column) => `${quoteLiteral(`${column.name} = `)} || COALESCE(${valueText(column)}, 'NULL')`,
  );
  const own = installationRows(table);
  return {
    area: 'catalog',
    // The condition is SQL that the extension wrote over the table's columns. JSON is read ten times as fast as an array.
    text: `SELECT pg_catalog.to_json(ARRAY[${lines.join(', ')}]::text[]) AS lines
FROM (SELECT * FROM ONLY ${quoteQualified(table)} ${table.condition}) AS hf_row ${own ? `WHERE NOT (${own})` : ''}`,
    objectOf: (row) => {
      const { lines } = row as { lines: string[] };
      const label = key.length > 0 ? lines.filter((_, at) => key.includes(columns[at]?.name ?? '')) : lines;
      return [kind, label.join(', '), lines];
    },
  };
}

export async function readCatalogSequences(
  session: Session,
  relations: readonly ConfigurationRelation[],
): Promise<ObjectSet> {
  const objects = new ObjectSet();
  const sequences = relations.filter(({ kind }) => kind === 'sequence');
  for (const value of await readSequenceValues(session, sequences)) {
    objects.add('sequence', nameOf(value), [`${value.lastValue}${value.isCalled ? '' : ' (not called)'}`]);
  }
  return objects;
}
