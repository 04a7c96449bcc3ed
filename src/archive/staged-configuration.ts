import type { ConfigurationRelation } from '../inventory/extensions.js';
import { type ConfigurationPart, type ConfigurationRows, intoTable } from '../migrate/configuration-rows.js';
import { copiedColumns } from '../postgres/archive/copied-columns.js';
import type { Archive } from '../postgres/archive/open-archive.js';
import { openTableData } from '../postgres/archive/table-data.js';
import { quotedNameOf, type TocEntry } from '../postgres/archive/toc-entry.js';
import { HyperferryError } from '../postgres/error.js';
import { loadCopies } from '../postgres/load-copies.js';
import { quoteIdentifier, quoteQualified } from '../postgres/quoting.js';
import type { Session } from '../postgres/session.js';
import { isOfExtension } from './entry-kinds.js';
import { narrowCatalog } from './narrow-catalog.js';
import type { ChosenCatalog } from './select-tables.js';

/**
 * Brings the rows of extensions' tables into temporary tables of the target's session, as text: names of relations and
 * roles that do not stand yet are text as any other. From there they can be asked, and brought to where they belong.
 *
 * @param chosen what comes of TimescaleDB's catalog, where not all
 */
export async function stageConfiguration(
  target: Session,
  archive: Archive,
  fingerprint: string,
  chosen?: ChosenCatalog,
): Promise<ConfigurationRows> {
  const entries = archive.entries.filter(isOfExtension(archive.entries));
  const tables = entries.map((entry) => ({
    entry,
    name: `pg_temp.${quoteIdentifier(`hyperferry ${entry.dumpId}`)}`,
  }));
  if (tables.length > 0) await stage(target, archive, tables);
  const staged = new Map(tables.map(({ entry, name }) => [quotedNameOf(entry), name]));
  if (chosen) await narrowCatalog(target, staged, chosen);
  const from: ConfigurationRows['from'] = (table) => {
    const name = staged.get(quoteQualified(table));
    if (name) return name;
    throw new HyperferryError('ARCHIVE', `${archive.path} has no rows of ${quoteQualified(table)}`);
  };
  return {
    session: target,
    from,
    // Only the user's rows were dumped.
    conditionOf: () => '',
    fingerprint: async () => fingerprint,
    bring: (parts) => bring(parts, target, from),
  };
}

interface StagedTable {
  readonly entry: TocEntry;
  readonly name: string;
}

async function stage(target: Session, archive: Archive, tables: readonly StagedTable[]): Promise<void> {
  await target.query(tables.map(({ entry, name }) => definitionOf(entry, name, archive)).join(';\n'));
  const loaded = await loadCopies(
    target,
    { copies: tables.map(({ name }) => `COPY ${name} FROM STDIN`) },
    tables.map(
      ({ entry }) =>
        () =>
          openTableData(archive, entry),
    ),
  );
  if (loaded.state === 'failed') throw loaded.error;
}

/** A table with the columns that the entry has values of, each of them text. */
function definitionOf(entry: TocEntry, name: string, { path }: Archive): string {
  if (entry.copyStatement === undefined) {
    throw new HyperferryError('ARCHIVE', `${path} has no rows of ${quotedNameOf(entry)} that COPY reads`, {
      hint: 'Dump again without --inserts.',
    });
  }
  const columns = copiedColumns(entry).map(quoteIdentifier);
  const values = columns.map((column) => `${column}::text AS ${column}`).join(', ');
  return `CREATE TEMPORARY TABLE ${name} ON COMMIT DROP AS SELECT ${values} FROM ${quotedNameOf(entry)} WITH NO DATA`;
}

/** Each value is read by the type that its column has on the target. */
async function bring(
  parts: readonly ConfigurationPart[],
  target: Session,
  from: (table: ConfigurationRelation) => string,
): Promise<void> {
  const tables = parts.map(({ table }) => ({ name: quoteQualified(table), columns: table.columns }));
  const read = await target.query<{ types: string[] }>(READ_TYPES, [JSON.stringify(tables)]);
  const statements = parts.map(({ table, values, condition, before }, index) => {
    const casts = values.map((value, at) => `(${value})::text::${read[index]?.types[at]}`);
    return `${before}INSERT INTO ${intoTable(table)} OVERRIDING SYSTEM VALUE SELECT ${casts.join(', ')} FROM ${from(table)} ${condition}`;
  });
  if (statements.length > 0) await target.query(statements.join(';\n'));
}

/** The types of the columns of each table, in the order in which they were asked for. */
const READ_TYPES = `
SELECT ARRAY(
  SELECT pg_catalog.format_type(a.atttypid, a.atttypmod)
  FROM pg_catalog.jsonb_array_elements_text(t.asked->'columns') WITH ORDINALITY AS c (name, at)
  JOIN pg_catalog.pg_attribute a ON a.attrelid = (t.asked->>'name')::pg_catalog.regclass AND a.attname = c.name
  ORDER BY c.at
) AS types
FROM pg_catalog.jsonb_array_elements($1::jsonb) WITH ORDINALITY AS t (asked, place)
ORDER BY t.place`;
