import { fingerprint } from '../engine/done.js';
import type { ConfigurationRelation } from '../inventory/extensions.js';
import { quoteIdentifier, quoteQualified } from '../postgres/quoting.js';
import { relayCopies } from '../postgres/relay.js';
import type { Session } from '../postgres/session.js';

/** The user's rows in the tables of extensions: to be asked, and to be brought to the target. */
export interface ConfigurationRows {
  /** Where they can be asked. */
  readonly session: Session;
  /** What follows FROM. */
  from(table: { readonly schema: string; readonly name: string }): string;
  /** The condition that makes rows the user's: empty, or `WHERE …`. */
  conditionOf(table: ConfigurationRelation): string;
  /** Another one where the rows are others. */
  fingerprint(tables: readonly ConfigurationRelation[]): Promise<string>;
  bring(parts: readonly ConfigurationPart[]): Promise<void>;
}

/** The rows of one table, as the target gets them. */
export interface ConfigurationPart {
  readonly table: ConfigurationRelation;
  /** An expression for each column. */
  readonly values: readonly string[];
  /** Empty, or `WHERE …`. */
  readonly condition: string;
  /** What the target is told before. */
  readonly before: string;
}

/** Those of a server, in the session that holds its snapshot. */
export function relayedConfiguration(source: Session, target: Session): ConfigurationRows {
  const from: ConfigurationRows['from'] = (table) => `ONLY ${quoteQualified(table)}`;
  return {
    session: source,
    from,
    conditionOf: ({ condition }) => condition,
    fingerprint: (tables) => fingerprintOf(tables, source),
    bring: (parts) => relay(parts, source, target),
  };
}

/** All tables in one message to each side. */
async function relay(parts: readonly ConfigurationPart[], source: Session, target: Session): Promise<void> {
  if (parts.length === 0) return;
  const relayed = await relayCopies(
    source,
    {
      copies: parts.map(
        ({ table, values, condition }) =>
          `COPY (SELECT ${values.join(', ')} FROM ONLY ${quoteQualified(table)} ${condition}) TO STDOUT`,
      ),
    },
    target,
    { copies: parts.map(({ table, before }) => `${before}COPY ${intoTable(table)} FROM STDIN`) },
  );
  if (relayed.state === 'failed') throw relayed.error;
}

/** The table and its columns, as `COPY … FROM` and `INSERT INTO` name them. */
export function intoTable(table: ConfigurationRelation): string {
  return `${quoteQualified(table)} (${table.columns.map(quoteIdentifier).join(', ')})`;
}

/** Of the user's rows in these tables on one server. */
export async function fingerprintOf(
  tables: readonly ConfigurationRelation[],
  session: Session,
): Promise<string> {
  if (tables.length === 0) return fingerprint('configuration');
  const sums = tables.map((table) => {
    const columns = table.columns.map(quoteIdentifier).join(', ');
    return `(SELECT pg_catalog.md5(pg_catalog.string_agg(r::text, E'\\n' ORDER BY r::text))
     FROM (SELECT ${columns} FROM ONLY ${quoteQualified(table)} ${table.condition}) AS r)`;
  });
  const row = await session.one<{ sums: (string | null)[] }>(`SELECT ARRAY[${sums.join(', ')}] AS sums`);
  const parts = tables.map((table, index) => [quoteQualified(table), row.sums[index] ?? '']);
  return fingerprint('configuration', ...parts.flat());
}
