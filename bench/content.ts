import { withClient } from './with-client.js';

/** What a copy must have as well: rows, chunks, and how many objects of each kind there are. */
export type Content = Readonly<Record<string, number>>;

/** The user's tables, hypertables among them, which give the rows of their chunks. */
const READ_TABLES = `
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^(pg|_timescaledb)_'`;

const COUNT_OBJECTS = `
SELECT 'chunks' AS kind, pg_catalog.count(*)::float8 AS n FROM timescaledb_information.chunks
UNION ALL
SELECT 'relations of kind ' || c.relkind::text, pg_catalog.count(*)::float8 FROM pg_catalog.pg_class c
WHERE c.relnamespace <> 'pg_toast'::pg_catalog.regnamespace GROUP BY 1
UNION ALL
SELECT 'constraints', pg_catalog.count(*)::float8 FROM pg_catalog.pg_constraint
UNION ALL
SELECT 'triggers', pg_catalog.count(*)::float8 FROM pg_catalog.pg_trigger`;

/** Counts what a database holds: table by table, since one statement for all would hold more locks than the server has. */
export async function readContent(url: string): Promise<Content> {
  return withClient(url, async (client) => {
    const { rows: objects } = await client.query<{ kind: string; n: number }>(COUNT_OBJECTS);
    const { rows: tables } = await client.query<{ name: string }>(READ_TABLES);
    const counts = objects.map(({ kind, n }) => [kind, n] as const);
    for (const { name } of tables) {
      const { rows } = await client.query<{ n: number }>(`SELECT count(*)::float8 AS n FROM ${name}`);
      counts.push([`rows of ${name}`, rows[0]?.n ?? 0]);
    }
    return Object.fromEntries(counts);
  });
}

/** What a copy lacks, or has too much of; undefined when nothing. A contender that loses something has not moved the database. */
export function differenceOf(source: Content, target: Content): string | undefined {
  const kind = Object.keys({ ...source, ...target }).find((each) => source[each] !== target[each]);
  return kind && `${target[kind] ?? 0} ${kind} on the target, ${source[kind] ?? 0} on the source`;
}
