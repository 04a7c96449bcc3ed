import type { Relation } from '../inventory/relations.js';
import type { TocEntry } from '../postgres/archive/toc-entry.js';
import { IDENTIFIER_PATTERN, quoteIdentifier } from '../postgres/quoting.js';
import type { Session } from '../postgres/session.js';

const READ_TYPES = `
SELECT attrelid::int8 AS oid, attname AS name, pg_catalog.format_type(atttypid, atttypmod) AS type
FROM pg_catalog.pg_attribute WHERE attrelid = ANY ($1::oid[]) AND attnum > 0 AND NOT attisdropped ORDER BY attrelid, attnum`;

/** The columns of a typed table are those of the type, which its definition does not repeat. */
const OF_TYPE = new RegExp(`^CREATE (?:UNLOGGED )?TABLE ${IDENTIFIER_PATTERN}\\.${IDENTIFIER_PATTERN} OF `);

/** Rows of another type may be taken, and be other ones then. A chunk's types are those of its hypertable. */
export async function otherTypes(
  pairs: readonly { readonly from: Relation; readonly to: Relation | undefined }[],
  entries: readonly TocEntry[],
  session: Session,
): Promise<string[]> {
  const definitions = new Map(
    entries
      .filter(({ kind, definition }) => kind === 'TABLE' && !OF_TYPE.test(definition))
      .map(({ oid, definition }) => [oid, definition]),
  );
  const tables = new Map(
    pairs.flatMap(({ from, to }) => (to && from.kind !== 'chunk' ? [[to.oid, from] as const] : [])),
  );
  const columns = await session.query<{ oid: string; name: string; type: string }>(READ_TYPES, [
    [...tables.keys()],
  ]);
  return columns.flatMap(({ oid, name, type }) => {
    const table = tables.get(Number(oid));
    const wanted = table && declaredColumn(definitions.get(table.oid) ?? '', name);
    const isOther = wanted && ![' ', ',', '\n'].some((end) => wanted.startsWith(`${type}${end}`));
    return table && isOther ? [`${table.schema}.${table.name} (${name} is ${type})`] : [];
  });
}

/**
 * What a definition by `pg_dump`, a column a line, says behind a column's name: the type, as `format_type` gives it, and
 * more. Inherited columns stand in the definition of the parent.
 */
function declaredColumn(definition: string, name: string): string | undefined {
  const bare = /^[a-z_][a-z0-9_$]*$/.test(name) ? [name] : [];
  return [quoteIdentifier(name), ...bare]
    .map((written) => `\n    ${written} `)
    .filter((start) => definition.includes(start))
    .map((start) => definition.slice(definition.indexOf(start) + start.length))[0];
}
