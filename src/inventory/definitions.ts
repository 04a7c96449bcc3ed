import { mayRelyOnSearchPath } from '../postgres/search-path.js';
import type { Session } from '../postgres/session.js';

/** Whose an index, constraint or foreign key is: what the plan needs to place it, by its OID. */
export interface Definitions {
  /** The table of an index or of a constraint, by the index's or the constraint's OID. */
  readonly tableOf: ReadonlyMap<number, number>;
  /** The foreign keys by OID: the table that has it and the table that it references. */
  readonly foreignKeys: ReadonlyMap<number, { readonly table: number; readonly references: number }>;
  /**
   * Indexes, and constraints by their index, whose expressions call functions of the user's that leave names to
   * the session's `search_path`. `CREATE INDEX` runs with a safe one (PostgreSQL 17 and newer), so on a table that
   * has rows it fails; on an empty table nothing is called, and the rows come with the session's own.
   */
  readonly relyingOnSearchPath: ReadonlySet<number>;
  /** Indexes that no definition is dumped of, since they are not in use: building them failed, or has not ended. */
  readonly invalidIndexes: readonly InvalidIndex[];
  /** Foreign keys whose triggers on a table somebody has disabled, which no definition tells. */
  readonly disabledKeys: readonly DisabledKey[];
}

export interface InvalidIndex {
  readonly schema: string;
  readonly name: string;
  /** The OID of its table. */
  readonly table: number;
  readonly sql: string;
}

export interface DisabledKey {
  readonly name: string;
  /** The OID of the table, and its name as SQL. */
  readonly table: number;
  readonly of: string;
}

/** Source: getIndexes() in PostgreSQL's src/bin/pg_dump/pg_dump.c. */
const READ_INVALID_INDEXES = `
SELECT n.nspname AS schema, x.relname AS name, c.oid::int8 AS "table", pg_catalog.pg_get_indexdef(i.indexrelid) AS sql
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
JOIN pg_catalog.pg_class c ON c.oid = i.indrelid AND c.relkind IN ('r', 'p', 'm')
JOIN pg_catalog.pg_namespace n ON n.oid = x.relnamespace
WHERE NOT ((i.indisvalid OR c.relkind = 'p') AND i.indisready) AND i.indexrelid >= 16384 AND c.relpersistence <> 't'
ORDER BY 1, 2`;

const READ_TABLES = `
SELECT i.indexrelid::int8 AS oid, i.indrelid::int8 AS "table" FROM pg_catalog.pg_index i WHERE i.indexrelid >= 16384
UNION ALL
SELECT c.oid::int8, c.conrelid::int8 FROM pg_catalog.pg_constraint c
WHERE c.contype IN ('p', 'u', 'x') AND c.oid >= 16384`;

const READ_FOREIGN_KEYS = `
SELECT oid::int8 AS oid, conrelid::int8 AS "table", confrelid::int8 AS "references"
FROM pg_catalog.pg_constraint WHERE contype = 'f' AND oid >= 16384`;

const READ_RELYING_ON_SEARCH_PATH = `
SELECT DISTINCT i.indexrelid::int8 AS index, c.oid::int8 AS constraint
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = i.indexrelid
  AND d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
JOIN pg_catalog.pg_proc p ON p.oid = d.refobjid
LEFT JOIN pg_catalog.pg_constraint c ON c.conindid = i.indexrelid AND c.contype IN ('p', 'u', 'x')
WHERE ${mayRelyOnSearchPath('p')}`;

/** `DISABLE TRIGGER ALL`: a key of two tables has triggers on both. */
const READ_DISABLED_KEYS = `
SELECT DISTINCT k.conname AS name, c.oid::int8 AS "table", c.oid::pg_catalog.regclass::text AS of
FROM pg_catalog.pg_trigger t
JOIN pg_catalog.pg_constraint k ON k.oid = t.tgconstraint AND k.contype = 'f'
JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
WHERE t.tgisinternal AND t.tgenabled = 'D' AND k.conparentid = 0
ORDER BY 1, 2`;

/** As it comes: `pg` gives 64-bit numbers as texts. */
type WithTable<T> = Omit<T, 'table'> & { readonly table: string };

export async function readDefinitions(session: Session): Promise<Definitions> {
  const tableOf = new Map<number, number>();
  const [foreignKeys, relying, invalidIndexes, disabledKeys] = await Promise.all([
    session.query<{ oid: string; table: string; references: string }>(READ_FOREIGN_KEYS),
    session.query<{ index: string; constraint: string | null }>(READ_RELYING_ON_SEARCH_PATH),
    session.query<WithTable<InvalidIndex>>(READ_INVALID_INDEXES),
    session.query<WithTable<DisabledKey>>(READ_DISABLED_KEYS),
    session.each<{ oid: string; table: string }>(READ_TABLES, ({ oid, table }) =>
      tableOf.set(Number(oid), Number(table)),
    ),
  ]);
  return {
    tableOf,
    disabledKeys: disabledKeys.map((key) => ({ ...key, table: Number(key.table) })),
    invalidIndexes: invalidIndexes.map((index) => ({ ...index, table: Number(index.table) })),
    foreignKeys: new Map(
      foreignKeys.map(({ oid, table, references }) => [
        Number(oid),
        { table: Number(table), references: Number(references) },
      ]),
    ),
    relyingOnSearchPath: new Set(
      relying.flatMap(({ index, constraint }) =>
        [index, constraint].filter((oid) => oid !== null).map(Number),
      ),
    ),
  };
}
