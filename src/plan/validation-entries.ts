import type { ValidatedCheck } from '../inventory/validated-checks.js';
import { madeEntry, type TocEntry } from '../postgres/archive/toc-entry.js';
import { quoteIdentifier, quoteQualified } from '../postgres/quoting.js';
import { CATALOGS, DumpIds } from './dump-ids.js';

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
  const ids = new DumpIds(entries);
  return checks.map(({ name, table, owner, ofParent }) => {
    const needs = [ids.of(CATALOGS.relations, table.oid), ids.of(CATALOGS.constraints, ofParent)];
    return madeEntry({
      dumpId: ids.next(),
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
