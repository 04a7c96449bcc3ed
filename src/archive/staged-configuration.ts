import type { ConfigurationRelation } from '../inventory/extensions.js';
import { type ConfigurationPart, type ConfigurationRows, intoTable } from '../migrate/configuration-rows.js';
import type { Archive } from '../postgres/archive/open-archive.js';
import { openTableData } from '../postgres/archive/table-data.js';
import { quotedNameOf, type TocEntry } from '../postgres/archive/toc-entry.js';
import { HyperferryError } from '../postgres/error.js';
import { loadCopies } from '../postgres/load-copies.js';
import { quoteIdentifier, quoteQualified } from '../postgres/quoting.js';
import type { Session } from '../postgres/session.js';
import { columnsOf } from './archived-rows.js';
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
  const staged = new Map<string, string>();
  const entries = archive.entries.filter(isOfExtension(archive.entries));
  for (const entry of entries) {
    const name = `pg_temp.${quoteIdentifier(`hyperferry ${entry.dumpId}`)}`;
    staged.set(quotedNameOf(entry), name);
    await stage(target, archive, entry, name);
  }
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

async function stage(target: Session, archive: Archive, entry: TocEntry, name: string): Promise<void> {
  if (entry.copyStatement === undefined) {
    throw new HyperferryError(
      'ARCHIVE',
      `${archive.path} has no rows of ${quotedNameOf(entry)} that COPY reads`,
      {
        hint: 'Dump again without --inserts.',
      },
    );
  }
  const columns = columnsOf(entry).map(quoteIdentifier).join(', ');
  await target.query(
    `CREATE TEMPORARY TABLE ${name} ON COMMIT DROP AS SELECT ${columns} FROM ${quotedNameOf(entry)} WITH NO DATA`,
  );
  const { alter } = await target.one<{ alter: string | null }>(ALL_TEXT, [name]);
  if (alter) await target.query(`ALTER TABLE ${name} ${alter}`);
  const loaded = await loadCopies(target, { copies: [`COPY ${name} FROM STDIN`] }, [
    () => openTableData(archive, entry),
  ]);
  if (loaded.state === 'failed') throw loaded.error;
}

/** The clauses that make each column one of text. */
const ALL_TEXT = `
SELECT pg_catalog.string_agg(pg_catalog.format('ALTER COLUMN %I TYPE text', attname), ', ') AS alter
FROM pg_catalog.pg_attribute WHERE attrelid = $1::pg_catalog.regclass AND attnum > 0`;

/** Each value is read by the type that its column has on the target. */
async function bring(
  parts: readonly ConfigurationPart[],
  target: Session,
  from: (table: ConfigurationRelation) => string,
): Promise<void> {
  for (const { table, values, condition, before } of parts) {
    const types = await target.one<{ types: string[] }>(READ_TYPES, [quoteQualified(table), table.columns]);
    const casts = values.map((value, at) => `(${value})::text::${types.types[at]}`);
    await target.query(
      `${before}INSERT INTO ${intoTable(table)} OVERRIDING SYSTEM VALUE SELECT ${casts.join(', ')} FROM ${from(table)} ${condition}`,
    );
  }
}

const READ_TYPES = `
SELECT pg_catalog.array_agg(pg_catalog.format_type(a.atttypid, a.atttypmod) ORDER BY c.at) AS types
FROM pg_catalog.unnest($2::text[]) WITH ORDINALITY AS c (name, at)
JOIN pg_catalog.pg_attribute a ON a.attrelid = $1::pg_catalog.regclass AND a.attname = c.name`;
