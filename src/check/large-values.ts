import { quoteIdentifier, quoteQualified } from '../postgres/quoting.js';
import { type Check, type CheckedSide, type DumpChecked, type Finding, nameSome } from './finding.js';

/** A field's text form may not pass 1 GB, and that of bytea takes two bytes for one. */
const LARGE_BYTES = 500_000_000;

const READ_TOAST_SIZES = `
SELECT c.oid::int8 AS oid FROM pg_catalog.pg_class c
WHERE c.reltoastrelid <> 0 AND c.relkind = 'r' AND pg_catalog.pg_relation_size(c.reltoastrelid) > $1 / 300`;

/**
 * Values of more than 500 MB. Only relations whose TOAST table could hold one are read, and of a value only its
 * length (`octet_length` of a toasted bytea reads no chunk of it). LZ4 compresses 255 to 1 at most, and text forms of
 * other types than bytea are no longer than the value.
 */
export const largeValues: Check<Pick<DumpChecked, 'source'>> = async ({ source }) => {
  const { text, binary } = await findLargeValues(source);
  const refused = {
    id: 'large-values',
    how: 'but their table has a column whose type travels only as text',
    mend: 'Move these values or that column to a table of their own.',
  } as const;
  const carried = {
    id: 'large-values-binary',
    how: 'which travel in binary form',
    mend: 'Nothing to do.',
  } as const;
  return [...finding('blocker', text, refused), ...finding('note', binary, carried)];
};

/** All that is in an archive is text. */
export const largeValuesAsText: Check<Pick<DumpChecked, 'source'>> = async ({ source }) => {
  const { text, binary } = await findLargeValues(source);
  return finding('blocker', [...text, ...binary], {
    id: 'large-values',
    how: 'but an archive holds rows as text',
    mend: 'Cut them in pieces, or keep them as large objects; or use hyperferry migrate, which copies in binary form.',
  });
};

/** Columns by how the rows of their table travel between servers. */
async function findLargeValues(source: CheckedSide): Promise<{ text: string[]; binary: string[] }> {
  const large = new Set(
    (await source.session.query<{ oid: string }>(READ_TOAST_SIZES, [LARGE_BYTES])).map(({ oid }) =>
      Number(oid),
    ),
  );
  const binary: string[] = [];
  const text: string[] = [];
  for (const relation of source.inventory.relations.filter(({ oid }) => large.has(oid))) {
    const [columns] = await source.session.query<{ names: string[] }>(READ_LENGTH_COLUMNS, [relation.oid]);
    for (const name of columns?.names ?? []) {
      const { found } = await source.session.one<{ found: boolean }>(
        `SELECT EXISTS (SELECT FROM ONLY ${quoteQualified(relation)}
                        WHERE pg_catalog.octet_length(${quoteIdentifier(name)}) > ${LARGE_BYTES}) AS found`,
      );
      if (found)
        (relation.format === 'binary' ? binary : text).push(`${relation.schema}.${relation.name}.${name}`);
    }
  }
  return { text, binary };
}

const READ_LENGTH_COLUMNS = `
SELECT pg_catalog.array_agg(attname::text) AS names FROM pg_catalog.pg_attribute
WHERE attrelid = $1::oid AND attnum > 0 AND NOT attisdropped
  AND (atttypid = 'pg_catalog.bytea'::pg_catalog.regtype
       OR EXISTS (SELECT FROM pg_catalog.pg_type t WHERE t.oid = atttypid
                  AND t.typbasetype = 'pg_catalog.bytea'::pg_catalog.regtype))`;

function finding(
  severity: Finding['severity'],
  objects: readonly string[],
  { id, how, mend }: Pick<Finding, 'id' | 'mend'> & { readonly how: string },
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
