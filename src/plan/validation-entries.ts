import type { ValidatedCheck } from '../inventory/validated-checks.js';
import { madeEntry, type TocEntry } from '../postgres/archive/toc-entry.js';
import { quoteIdentifier, quoteQualified } from '../postgres/quoting.js';

/** `pg_class` and `pg_constraint`, whose OIDs never change (src/include/catalog). */
const [RELATIONS, CONSTRAINTS] = [1259, 2606];

/** Whether an entry is one of those that `validationEntries()` makes. */
export function isValidation({ kind, definition }: TocEntry): boolean {
  return kind === 'CHECK CONSTRAINT' && / VALIDATE CONSTRAINT /.test(definition);
}

/** Entries that `pg_dump` does not write: they make a child's constraint valid again behind that of its parent. */
export function validationEntries(
  checks: readonly ValidatedCheck[],
  entries: readonly TocEntry[],
): TocEntry[] {
  if (checks.length === 0) return [];
  let last = entries.reduce((highest, { dumpId }) => Math.max(highest, dumpId), 0);
  const idOf = new Map(entries.map(({ catalog, oid, dumpId }) => [`${catalog} ${oid}`, dumpId]));
  return checks.map(({ name, table, owner, ofParent }) => {
    const needs = [idOf.get(`${RELATIONS} ${table.oid}`), idOf.get(`${CONSTRAINTS} ${ofParent}`)];
    return madeEntry({
      dumpId: ++last,
      tag: `${table.name} ${name}`,
      kind: 'CHECK CONSTRAINT',
      section: 'post-data',
      definition: `ALTER TABLE ${quoteQualified(table)} VALIDATE CONSTRAINT ${quoteIdentifier(name)};\n`,
      schema: table.schema,
      owner,
      dependencies: needs.flatMap((id) => id ?? []),
    });
  });
}
