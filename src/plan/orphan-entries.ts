import type { OrphanedCheck } from '../inventory/orphaned-checks.js';
import { madeEntry, type TocEntry } from '../postgres/archive/toc-entry.js';
import { quoteIdentifier, quoteQualified } from '../postgres/quoting.js';
import { CATALOGS, DumpIds } from './dump-ids.js';

/** Entries that `pg_dump` does not write: a table gets its constraint without a parent that has it. */
export function orphanEntries(checks: readonly OrphanedCheck[], entries: readonly TocEntry[]): TocEntry[] {
  if (checks.length === 0) return [];
  const ids = new DumpIds(entries);
  return checks.map(({ name, table, owner, definition, isValid }) => {
    const constraint = `CONSTRAINT ${quoteIdentifier(name)}`;
    return madeEntry({
      dumpId: ids.next(),
      tag: `${table.name} ${name}`,
      kind: 'CHECK CONSTRAINT',
      // As pg_dump does: what is valid stands before the rows, whose sessions find what its functions name.
      section: isValid ? 'pre-data' : 'post-data',
      definition: `ALTER TABLE ${quoteQualified(table)} ADD ${constraint} ${definition};\n`,
      dropStatement: `ALTER TABLE ${quoteQualified(table)} DROP ${constraint};\n`,
      schema: table.schema,
      owner,
      dependencies: [ids.of(CATALOGS.relations, table.oid)].flatMap((id) => id ?? []),
    });
  });
}
