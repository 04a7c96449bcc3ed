import type pg from 'pg';

/** A table of the user's, or a part of one, that holds rows itself. */
export interface Table {
  readonly name: string;
  readonly bytes: number;
}

const READ_TABLES = `
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name, pg_catalog.pg_table_size(c.oid)::float8 AS bytes
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname <> 'information_schema' AND n.nspname !~ '^(pg_|_timescaledb_(catalog|config|cache))'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                  WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 2 DESC`;

/** Largest first. */
export async function readTables(client: pg.Client): Promise<Table[]> {
  return (await client.query<Table>(READ_TABLES)).rows;
}
