import type { Relation } from '../inventory/relations.js';
import type { Session } from '../postgres/session.js';

/** A function as SQL names it. */
export interface FunctionName {
  readonly schema: string;
  readonly name: string;
}

/** A type, that under a domain in place of the domain. */
export interface ValueType {
  readonly schema: string;
  readonly name: string;
  readonly output: FunctionName;
  /** What a value is cast to for the output function, which may not take a domain, or is that of another type. */
  readonly cast: { readonly schema: string; readonly name: string } | undefined;
  readonly send: FunctionName | undefined;
}

export interface ComparedColumn {
  readonly name: string;
  readonly type: ValueType;
}

/** The stored columns of every table and view, the user's and extensions', by the relation's OID. */
export type ColumnsByRelation = ReadonlyMap<Relation['oid'], readonly ComparedColumn[]>;

/** Generated columns too, if they are stored: the virtual ones (PostgreSQL 18) are a matter of their definition. */
const READ_COLUMNS = `
SELECT a.attrelid::int8 AS relation,
       pg_catalog.json_agg(pg_catalog.json_build_array(a.attname, a.atttypid::int8) ORDER BY a.attnum)::text AS columns
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
WHERE a.attrelid >= 16384 AND c.relkind IN ('r', 'p', 'v') AND c.relpersistence <> 't'
  AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated <> 'v'
GROUP BY a.attrelid`;

/** Distinct before they are looked for: chunks have hundreds of thousands of columns, which no hash table would be made of. */
const READ_TYPES = `
WITH used AS MATERIALIZED (
  SELECT DISTINCT a.atttypid AS oid FROM pg_catalog.pg_attribute a WHERE a.attrelid >= 16384 AND a.attnum > 0
  UNION
  SELECT d.typbasetype FROM pg_catalog.pg_type d WHERE d.typtype = 'd'
)
SELECT t.oid::int8 AS oid, n.nspname AS schema, t.typname AS name,
       CASE WHEN t.typtype = 'd' THEN t.typbasetype::int8 ELSE 0 END AS base,
       o_n.nspname AS "outputSchema", o.proname AS "outputName", i.oid::int8 AS input, i_n.nspname AS "inputSchema",
       i.typname AS "inputName", i.typtype = 'p' AS "takesMany", s_n.nspname AS "sendSchema", s.proname AS "sendName"
FROM used
JOIN pg_catalog.pg_type t ON t.oid = used.oid
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
JOIN pg_catalog.pg_proc o ON o.oid = t.typoutput
JOIN pg_catalog.pg_namespace o_n ON o_n.oid = o.pronamespace
JOIN pg_catalog.pg_type i ON i.oid = o.proargtypes[0]
JOIN pg_catalog.pg_namespace i_n ON i_n.oid = i.typnamespace
LEFT JOIN pg_catalog.pg_proc s ON s.oid = t.typsend
LEFT JOIN pg_catalog.pg_namespace s_n ON s_n.oid = s.pronamespace`;

interface TypeRow extends Record<string, unknown> {
  readonly oid: string;
  readonly schema: string;
  readonly name: string;
  readonly base: string;
  readonly outputSchema: string;
  readonly outputName: string;
  /** What the output function takes; `takesMany` for `anyenum`, `record` and the like. */
  readonly input: string;
  readonly inputSchema: string;
  readonly inputName: string;
  readonly takesMany: boolean;
  readonly sendSchema: string | null;
  readonly sendName: string | null;
}

/** Reads the columns in two queries, whatever the number of relations. */
export async function readColumns(session: Session): Promise<ColumnsByRelation> {
  const types = new Map<number, TypeRow>();
  await session.each<TypeRow>(READ_TYPES, (row) => types.set(Number(row.oid), row));
  const typeOf = (oid: number, isDomain = false): ValueType => {
    const row = types.get(oid);
    if (!row) throw new Error(`type ${oid} is in use but not in the catalog`);
    if (Number(row.base) !== 0) return typeOf(Number(row.base), true);
    const { schema, name } = row;
    const takesOther = !row.takesMany && row.input !== row.oid;
    const cast = takesOther ? { schema: row.inputSchema, name: row.inputName } : { schema, name };
    return {
      schema,
      name,
      output: { schema: row.outputSchema, name: row.outputName },
      cast: takesOther || isDomain ? cast : undefined,
      send:
        row.sendSchema === null || row.sendName === null
          ? undefined
          : { schema: row.sendSchema, name: row.sendName },
    };
  };
  // Chunks have the columns of their hypertable: each distinct list is made once.
  const layouts = new Map<string, readonly ComparedColumn[]>();
  const layoutOf = (text: string): readonly ComparedColumn[] => {
    const known = layouts.get(text);
    if (known) return known;
    const layout = (JSON.parse(text) as [string, number][]).map(([name, type]) => ({
      name,
      type: typeOf(type),
    }));
    layouts.set(text, layout);
    return layout;
  };
  const byRelation = new Map<number, readonly ComparedColumn[]>();
  await session.each<{ relation: string; columns: string }>(READ_COLUMNS, ({ relation, columns }) =>
    byRelation.set(Number(relation), layoutOf(columns)),
  );
  return byRelation;
}

/** The columns that both sides have, in an order that is no matter of either; a type that differs compares by text. */
export function commonColumns(
  source: readonly ComparedColumn[],
  target: readonly ComparedColumn[],
): { readonly source: readonly ComparedColumn[]; readonly target: readonly ComparedColumn[] } {
  const there = new Map(target.map((column) => [column.name, column]));
  const pairs = source
    .flatMap((column) => {
      const other = there.get(column.name);
      return other ? [[column, other] as const] : [];
    })
    .sort(([a], [b]) => (a.name < b.name ? -1 : 1))
    .map(([a, b]) => {
      const isSame = a.type.schema === b.type.schema && a.type.name === b.type.name;
      return isSame ? ([a, b] as const) : ([byText(a), byText(b)] as const);
    });
  return { source: pairs.map(([column]) => column), target: pairs.map(([, column]) => column) };
}

function byText(column: ComparedColumn): ComparedColumn {
  return { ...column, type: { ...column.type, schema: '', name: '', send: undefined } };
}
