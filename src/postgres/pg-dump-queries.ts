import { columnOptions } from './column-options.js';
import { IDENTIFIER_PATTERN } from './quoting.js';

/**
 * What a server is asked in place of a query of `pg_dump`: less, with the same answers but for what is left out. A query in
 * other words, of a release that is not known here, stays as it is.
 *
 * @param leftOut OIDs of tables that `pg_dump` is told to leave out, and that nothing it dumps depends on
 */
export function rewordPgDump(query: string, leftOut: ReadonlySet<number>): string {
  if (query.startsWith('LOCK TABLE ')) return withoutDescendants(query);
  return withoutTables(withoutOwnOptions(query), leftOut);
}

const QUALIFIED_NAME = new RegExp(`${IDENTIFIER_PATTERN}\\.${IDENTIFIER_PATTERN}(?=, | IN )`, 'g');

/**
 * `LOCK TABLE a` locks all that inherits from it as well: the chunks of a hypertable, though `pg_dump` was told to leave
 * them out. What it does dump it locks by name.
 * Source: getTables() in src/bin/pg_dump/pg_dump.c, LockTableCommand() in src/backend/commands/lockcmds.c
 */
function withoutDescendants(lockTable: string): string {
  return lockTable.replaceAll(QUALIFIED_NAME, 'ONLY $&');
}

/**
 * A `pg_dump` that is older than the source's minor version would dump what that server keeps for itself among the options
 * of columns, and another server refuses it: `unrecognized parameter "pg_attver"`.
 * Source: getTableAttrs() in src/bin/pg_dump/pg_dump.c, PostgreSQL 12 to 18
 */
function withoutOwnOptions(query: string): string {
  return query.replace(
    "array_to_string(a.attoptions, ', ') AS attoptions",
    `${columnOptions('a')} AS attoptions`,
  );
}

/** How a query begins, what it reads, and what it reads in that place, less what belongs to the `tables`. */
type Reading = readonly [begins: RegExp, reads: RegExp, readsLess: (tables: string) => string];

/**
 * `pg_dump` reads the catalogs whole, what it is told to leave out too: of 100,000 chunks, it keeps 300 MB.
 * Source: expand_table_name_patterns(), getTables(), getTypes() and getDependencies() in src/bin/pg_dump/pg_dump.c,
 * PostgreSQL 12 to 18; the types before 15 are read in other words
 */
const READINGS: readonly Reading[] = [
  [/^SELECT c\.oid\s+FROM pg_catalog\.pg_class c\s/, /pg_catalog\.pg_class c\s/, readingRelations],
  [/^SELECT c\.tableoid, c\.oid, c\.relname, /, /pg_class c\s/, readingRelations],
  [/^SELECT tableoid, oid, typname, /, /pg_type\s*$/, readingTypes],
  [/^SELECT classid, objid, refclassid, refobjid, deptype /, /pg_depend WHERE /, readingDependencies],
];

function readingRelations(tables: string): string {
  return `(SELECT tableoid, * FROM pg_catalog.pg_class WHERE oid NOT IN ${tables}) AS c `;
}

function readingTypes(tables: string): string {
  return `(SELECT tableoid, * FROM pg_catalog.pg_type
    WHERE typrelid NOT IN ${tables} AND typelem NOT IN (SELECT reltype FROM pg_catalog.pg_class WHERE oid IN ${tables})) AS pg_type`;
}

function readingDependencies(tables: string): string {
  return `pg_depend
    WHERE NOT (classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND objid IN ${tables})
      AND NOT (refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND refobjid IN ${tables}) AND `;
}

function withoutTables(query: string, leftOut: ReadonlySet<number>): string {
  const reading = leftOut.size > 0 ? READINGS.find(([begins]) => begins.test(query)) : undefined;
  if (!reading) return query;
  const [, reads, readsLess] = reading;
  return query.replace(reads, () =>
    readsLess(`(SELECT pg_catalog.unnest('{${[...leftOut].join()}}'::pg_catalog.oid[]))`),
  );
}
