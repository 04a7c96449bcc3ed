/**
 * SQL for the options of a column that somebody has set, such as `n_distinct=5`, with commas between; NULL where there are
 * none. PostgreSQL 17.12 and its contemporaries keep a number of their own among them, `pg_attver`, which nobody can set and which
 * `pg_dump` leaves out as well (getTableAttrs() in src/bin/pg_dump/pg_dump.c).
 *
 * @param attribute the alias of a row of `pg_attribute`
 */
export function columnOptions(attribute: string): string {
  const options = `${attribute}.attoptions`;
  const isServers = `LIKE 'pg\\_attver=%'`;
  // Nearly always the condition is all that is asked: every column has the server's number, and few have more.
  return `CASE WHEN pg_catalog.cardinality(${options}) > 1 OR ${options}[1] NOT ${isServers}
    THEN (SELECT pg_catalog.string_agg(option, ', ') FROM pg_catalog.unnest(${options}) AS option WHERE option NOT ${isServers}) END`;
}
