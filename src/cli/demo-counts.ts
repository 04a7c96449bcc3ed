import { parseConnection } from '../postgres/connection-string.js';
import { isNoMember } from '../postgres/extension-member.js';
import { quoteQualified } from '../postgres/quoting.js';
import { Session, type Side } from '../postgres/session.js';
import { formatCount } from '../report/units.js';

/** The number of rows of one relation on both sides; undefined where it is not there. */
export interface RowCounts {
  readonly relation: string;
  readonly source: number | undefined;
  readonly target: number | undefined;
}

/** Tables and materialized views as the user sees them: a chunk's rows are counted with its hypertable's. */
const READ_RELATIONS = `
SELECT n.nspname AS schema, c.relname AS name
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm') AND NOT c.relispartition
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE '\\_timescaledb\\_%'
  AND ${isNoMember('pg_class', 'c.oid')}
ORDER BY 1, 2`;

/** Counts the rows of every table and materialized view of both databases. */
export async function countRows(source: string, target: string): Promise<RowCounts[]> {
  const [atSource, atTarget] = await Promise.all([countSide('source', source), countSide('target', target)]);
  const relations = [...new Set([...atSource.keys(), ...atTarget.keys()])].sort();
  return relations.map((relation) => ({
    relation,
    source: atSource.get(relation),
    target: atTarget.get(relation),
  }));
}

async function countSide(side: Side, url: string): Promise<Map<string, number>> {
  const session = await Session.open(side, parseConnection(url));
  try {
    const counts = new Map<string, number>();
    for (const relation of await session.query<{ schema: string; name: string }>(READ_RELATIONS)) {
      const { count } = await session.one<{ count: string }>(
        `SELECT pg_catalog.count(*) AS count FROM ${quoteQualified(relation)}`,
      );
      counts.set(`${relation.schema}.${relation.name}`, Number(count));
    }
    return counts;
  } finally {
    await session.close();
  }
}

export function isEqual({ source, target }: RowCounts): boolean {
  return source !== undefined && source === target;
}

/** The counts as aligned columns, with a line for their sums. */
export function countTable(counts: readonly RowCounts[]): string[] {
  const sum = (side: Side): number => counts.reduce((total, row) => total + (row[side] ?? 0), 0);
  const rows = [
    ['relation', 'source rows', 'target rows', 'equal'],
    ...counts.map((row) => [row.relation, cell(row.source), cell(row.target), isEqual(row) ? 'yes' : 'NO']),
    ['total', cell(sum('source')), cell(sum('target')), counts.every(isEqual) ? 'yes' : 'NO'],
  ];
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map(([relation = '', source = '', target = '', equal = '']) =>
    [
      relation.padEnd(widths[0] ?? 0),
      source.padStart(widths[1] ?? 0),
      target.padStart(widths[2] ?? 0),
      equal,
    ].join('  '),
  );
}

function cell(count: number | undefined): string {
  return count === undefined ? 'missing' : formatCount(count);
}
