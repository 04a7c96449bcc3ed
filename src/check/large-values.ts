import type { Relation } from '../inventory/relations.js';
import { quoteIdentifier, quoteQualified } from '../postgres/quoting.js';
import type { Session } from '../postgres/session.js';
import { type Check, type CheckedSide, type DumpChecked, type Finding, nameSome } from './finding.js';
import type { FindingId } from './finding-ids.js';

/** A field's text form may not pass 1 GB, and that of bytea takes two bytes for one. */
const LARGE_BYTES = 500_000_000;

/** A row is one message, of which a server makes none of 1 GB (`MaxAllocSize` in PostgreSQL's src/include/utils/memutils.h). */
const LARGE_ROW_BYTES = 1_000_000_000;

const READ_TOAST_SIZES = `
SELECT c.oid::int8 AS oid FROM pg_catalog.pg_class c
WHERE c.reltoastrelid <> 0 AND c.relkind = 'r' AND pg_catalog.pg_relation_size(c.reltoastrelid) > $1 / 300`;

/**
 * Values of more than 500 MB, and rows of more than 1 GB. Only relations whose TOAST table could hold one are read, once,
 * and of a value only its length (`octet_length` of a toasted bytea or text reads no chunk of it). LZ4 compresses 255 to 1
 * at most, and text forms of other types than bytea are no longer than the value.
 */
export const largeValues: Check<Pick<DumpChecked, 'source'>> = async ({ source }) => {
  const { text, binary, rows } = await findLarge(source, ({ format }) => format);
  const how = 'but their table has a column whose type travels only as text';
  return [
    ...ofValues(
      'large-values',
      'blocker',
      text,
      how,
      'Move these values or that column to a table of their own.',
    ),
    ...ofValues('large-values-binary', 'note', binary, 'which travel in binary form', 'Nothing to do.'),
    ...ofRows(rows, 'Move some of their values to another table, or to rows of their own.'),
  ];
};

/** All that is in an archive is text. */
export const largeValuesAsText: Check<Pick<DumpChecked, 'source'>> = async ({ source }) => {
  const { text, rows } = await findLarge(source, () => 'text');
  const mend =
    'Move the database by hyperferry migrate, which sends values in binary form, or divide them between rows.';
  return [
    ...ofValues('large-values', 'blocker', text, 'but an archive holds rows as text', mend),
    ...ofRows(rows, mend),
  ];
};

interface Large {
  /** Columns, by how the rows of their table travel. */
  readonly text: string[];
  readonly binary: string[];
  /** Tables with rows that are large though none of their values is. */
  readonly rows: string[];
}

async function findLarge(
  { session, inventory }: CheckedSide,
  formatOf: (relation: Relation) => 'text' | 'binary',
): Promise<Large> {
  const toasted = await session.query<{ oid: string }>(READ_TOAST_SIZES, [LARGE_BYTES]);
  const candidates = new Set(toasted.map(({ oid }) => Number(oid)));
  const large: Large = { text: [], binary: [], rows: [] };
  for (const relation of inventory.relations.filter(({ oid }) => candidates.has(oid))) {
    const format = formatOf(relation);
    const { columns, hasRow } = await measure(session, relation, format);
    large[format].push(...columns.map((name) => `${relation.schema}.${relation.name}.${name}`));
    if (hasRow && columns.length === 0) large.rows.push(`${relation.schema}.${relation.name}`);
  }
  return large;
}

type LongColumn = { readonly name: string; readonly type: 'bytea' | 'text' | 'other' };

/** Those whose values have no fixed length, and are not made of other columns, which no COPY sends. */
const READ_LONG_COLUMNS = `
SELECT a.attname::text AS name,
       CASE WHEN b.type = 'pg_catalog.bytea'::pg_catalog.regtype THEN 'bytea'
            WHEN b.type IN ('pg_catalog.text'::pg_catalog.regtype, 'pg_catalog.varchar'::pg_catalog.regtype,
                            'pg_catalog.bpchar'::pg_catalog.regtype) THEN 'text' ELSE 'other' END AS type
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
CROSS JOIN LATERAL (SELECT COALESCE(NULLIF(t.typbasetype, 0), t.oid) AS type) AS b
WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attlen = -1 AND a.attgenerated = ''
ORDER BY a.attnum`;

/** @returns the columns of bytea that have a large value, and whether a row is large */
async function measure(
  session: Session,
  relation: Relation,
  format: 'text' | 'binary',
): Promise<{ columns: string[]; hasRow: boolean }> {
  const columns = await session.query<LongColumn>(READ_LONG_COLUMNS, [relation.oid]);
  if (columns.length === 0) return { columns: [], hasRow: false };
  const bytea = columns.filter(({ type }) => type === 'bytea').map(({ name }) => name);
  const row = columns.map((column) => `COALESCE(${lengthOf(column, format)}, 0)`).join(' + ');
  const { found } = await session.one<{ found: boolean[] }>(
    `SELECT ARRAY[${[
      `${row} > ${LARGE_ROW_BYTES}`,
      ...bytea.map((name) => `pg_catalog.octet_length(${quoteIdentifier(name)}) > ${LARGE_BYTES}`),
    ]
      .map((condition) => `COALESCE(pg_catalog.bool_or(${condition}), false)`)
      .join(', ')}] AS found FROM ONLY ${quoteQualified(relation)}`,
  );
  return { columns: bytea.filter((_, at) => found[at + 1]), hasRow: found[0] ?? false };
}

/** At least; of other types, as it is stored, since their text would have to be made. */
function lengthOf({ name, type }: LongColumn, format: 'text' | 'binary'): string {
  const column = quoteIdentifier(name);
  if (type === 'other') return `pg_catalog.pg_column_size(${column})::int8`;
  const length = `pg_catalog.octet_length(${column})::int8`;
  return type === 'bytea' && format === 'text' ? `2 * ${length}` : length;
}

function ofValues(
  id: FindingId,
  severity: Finding['severity'],
  objects: string[],
  how: string,
  mend: string,
): Finding[] {
  if (objects.length === 0) return [];
  return [
    {
      id,
      severity,
      code: 'COPY',
      found: `columns hold values of more than 500 MB, ${how}: ${nameSome(objects)}`,
      objects,
      why: 'Text COPY fails on a value of about 500 MB and more; binary COPY takes up to 1 GB.',
      mend,
    },
  ];
}

function ofRows(objects: string[], mend: string): Finding[] {
  if (objects.length === 0) return [];
  return [
    {
      id: 'large-rows',
      severity: 'blocker',
      code: 'COPY',
      found: `rows are larger than 1 GB as they are sent: in ${nameSome(objects)}`,
      objects,
      why: 'A server sends a row in one piece, and makes none of 1 GB and more.',
      mend,
    },
  ];
}
