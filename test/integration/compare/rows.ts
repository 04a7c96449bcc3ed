import pg from 'pg';
import { compareSets, type Difference } from './differences.js';
import { linesOf } from './lines.js';

/** A relation whose rows can be read, by its quoted name; `heap` is without, `all` with the rows of its children. */
interface Readable {
  readonly name: string;
  readonly part: 'heap' | 'all';
  readonly columns: readonly { readonly name: string; readonly type: string }[];
}

const READ_RELATIONS = `
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name,
       CASE WHEN c.relkind <> 'p' THEN ARRAY['heap'] ELSE '{}' END
         || CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid)
                   THEN ARRAY['all'] ELSE '{}' END AS parts,
       COALESCE((SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
                          'name', a.attname, 'type', pg_catalog.format_type(a.atttypid, NULL)) ORDER BY a.attnum)
                 FROM pg_catalog.pg_attribute a
                 WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '[]') AS columns
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm', 'p') AND c.relpersistence <> 't' AND (c.relkind <> 'm' OR c.relispopulated)
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                  WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1`;

/** Compares the number of the rows of each relation, and a digest of them that does not depend on their order. */
export async function compareRows(source: pg.Client, target: pg.Client): Promise<Difference[]> {
  const [left, right] = await Promise.all([readRelations(source), readRelations(target)]);
  const differences = compareSets('relations', left.map(describe), right.map(describe));
  const there = new Set(right.map(describe));
  for (const relation of left.filter((one) => there.has(describe(one)))) {
    differences.push(...(await compareRelation(source, target, relation)));
  }
  return differences;
}

async function readRelations(client: pg.Client): Promise<Readable[]> {
  type Row = Omit<Readable, 'part'> & { parts: Readable['part'][] };
  const { rows } = await client.query<Row>(READ_RELATIONS);
  return rows.flatMap(({ parts, ...relation }) => parts.map((part) => ({ ...relation, part })));
}

function describe({ name, part, columns }: Readable): string {
  return `${part === 'heap' ? 'rows of' : 'rows through'} ${name} (${columns.map((one) => one.name).join(', ')})`;
}

async function compareRelation(
  source: pg.Client,
  target: pg.Client,
  relation: Readable,
): Promise<Difference[]> {
  const digest = `SELECT pg_catalog.count(*) || ' rows ' ||
    COALESCE(pg_catalog.md5(pg_catalog.string_agg(row.digest, '' ORDER BY row.digest)), '')
    FROM (SELECT ${digestOfRow(relation)} AS digest FROM ${from(relation)}) AS row`;
  const [left, right] = await Promise.all([linesOf(source, digest), linesOf(target, digest)]);
  const differences = compareSets(describe(relation), left, right);
  return differences.length === 0 ? [] : [...differences, ...(await locate(source, target, relation))];
}

/** Says in which columns two relations differ, and shows rows of each side. */
async function locate(source: pg.Client, target: pg.Client, relation: Readable): Promise<Difference[]> {
  const { columns } = relation;
  const differences: Difference[] = [];
  const parts = columns.map((one) => ({ name: `column ${one.name} of ${relation.name}`, columns: [one] }));
  for (const { name, columns: shown } of [...parts, { name: describe(relation), columns }]) {
    const text = textOfRow({ ...relation, columns: shown });
    const rows = `SELECT ${text} FROM ${from(relation)} ORDER BY pg_catalog.md5(${text}) LIMIT 10000`;
    const [left, right] = await Promise.all([linesOf(source, rows), linesOf(target, rows)]);
    differences.push(...compareSets(name, left, right));
  }
  return differences;
}

/** `ONLY` also keeps TimescaleDB from decompressing a chunk's rows, so that what the heap holds is what is read. */
function from({ name, part }: Readable): string {
  return part === 'heap' ? `ONLY ${name} AS hf_row` : `${name} AS hf_row`;
}

/** A digest of each column, since a row of a large value's text may pass the limit of 1 GB. */
function digestOfRow({ columns }: Readable): string {
  const digests = columns.map(({ name, type }) => {
    if (type === 'bytea') return `COALESCE(pg_catalog.md5(${column(name)}), 'NULL')`;
    return `pg_catalog.md5(pg_catalog.convert_to(${textOf(name, type)}, 'UTF8'))`;
  });
  // Not concat_ws(): it takes at most 100 arguments, and a table may have more columns.
  return digests.length === 0 ? `''` : `pg_catalog.md5(${digests.join(` || ' ' || `)})`;
}

function textOfRow({ columns }: Readable): string {
  const texts = columns.map(({ name, type }) => `pg_catalog.left(${textOf(name, type)}, 200)`);
  return texts.length === 0 ? `''` : texts.join(` || ' ' || `);
}

/**
 * A row's text form uses each type's output function, tells NULL from the empty string, and meets no cast of the
 * user's. TimescaleDB 2.19.0 to 2.20.0 store, for a column of NULLs alone, a value that means NULL and that no input
 * function takes back (text `Bg==`); it arrives as NULL.
 */
function textOf(name: string, type: string): string {
  if (type !== '_timescaledb_internal.compressed_data') return `ROW(${column(name)})::pg_catalog.text`;
  const text = `pg_catalog.format('%s', ${column(name)})`;
  return `ROW(CASE WHEN ${column(name)} IS NOT NULL AND ${text} <> 'Bg==' THEN ${text} END)::pg_catalog.text`;
}

function column(name: string): string {
  return `hf_row.${pg.escapeIdentifier(name)}`;
}
