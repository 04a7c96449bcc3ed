import type { CopiedRelation, CopyWork } from '../../plan/work.js';
import { copiedColumns } from '../../postgres/archive/copied-columns.js';
import { openTableData } from '../../postgres/archive/table-data.js';
import type { TocEntry } from '../../postgres/archive/toc-entry.js';
import type { CopyMessage } from '../../postgres/copy-command.js';
import { HyperferryError } from '../../postgres/error.js';
import { loadCopies } from '../../postgres/load-copies.js';
import { quoteQualified } from '../../postgres/quoting.js';
import type { Session } from '../../postgres/session.js';
import { compressedColumns, withReadableNulls } from '../../timescale/unreadable-nulls.js';
import { asApplication, failureToCopy, isStoredFrozen, rowsMark } from './brought-rows.js';
import type { Brought, DumpRows, WorkerSettings } from './context.js';
import { type OpenedDump, openedDump } from './opened-dump.js';

/** Rows, from the files of a dump to the target in the transaction of its session, in one message. */
export async function loadRows(
  { relations }: CopyWork,
  target: Session,
  { path, holdsUnreadableNulls }: DumpRows,
  settings: WorkerSettings,
): Promise<Brought> {
  const dump = await openedDump(path);
  const open = (entry: TocEntry) =>
    holdsUnreadableNulls ? openReadable(dump, entry) : openTableData(dump.archive, entry);
  const entries = relations.map(({ dumpId }) => dump.entryOf(dumpId));
  const loaded = await loadCopies(
    target,
    {
      ...(settings.intoDefinitions ? asReplica(settings) : asApplication(settings)),
      copies: relations.map((relation, at) => copyInto(relation, entries[at], settings)),
    },
    entries.map((entry) => () => open(entry)),
  );
  if (loaded.state === 'failed') {
    const { error } = loaded;
    // A file that cannot be read is no matter of the table.
    throw error instanceof HyperferryError ? error : failureToCopy(relations[loaded.copy ?? -1], error);
  }
  const rows = relations.map((relation, at) => {
    const { rows: count = 0, bytes = 0 } = loaded.copies[at] ?? {};
    const mark = rowsMark(relation, count, bytes);
    return settings.intoDefinitions ? { ...mark, undo: deletionOf(relation) } : mark;
  });
  return { rows, objects: [], notices: [] };
}

/** Rows of compressed batches with NULL where a value of them means that, and cannot be read. */
async function openReadable(
  { archive, tableOf }: OpenedDump,
  entry: TocEntry,
): Promise<AsyncGenerator<Buffer>> {
  const rows = await openTableData(archive, entry);
  const compressed = compressedColumns(tableOf(entry)?.definition ?? '');
  if (compressed.size === 0) return rows;
  return withReadableNulls(
    rows,
    copiedColumns(entry).map((column) => compressed.has(column)),
  );
}

const BEGIN_REPLICA = 'SET LOCAL session_replication_role = replica';
const END_REPLICA = 'SET LOCAL session_replication_role = origin';

/** Triggers have acted on the rows already, and foreign keys may refer to rows that are still to come. */
function asReplica(settings: WorkerSettings): Pick<CopyMessage, 'before' | 'after'> {
  const { before = [], after = [] } = asApplication(settings);
  return { before: [...before, BEGIN_REPLICA], after: [...after, END_REPLICA] };
}

function deletionOf(relation: CopiedRelation): string {
  return `${BEGIN_REPLICA}; DELETE FROM ONLY ${quoteQualified(relation)}; ${END_REPLICA};`;
}

/** The archive's own statement, with the columns as they are in the file. */
function copyInto(
  relation: CopiedRelation,
  entry: TocEntry | undefined,
  { intoDefinitions }: WorkerSettings,
): string {
  const statement = entry?.copyStatement?.replace(/ FROM stdin;\s*$/, ' FROM STDIN');
  if (statement === undefined) {
    throw new HyperferryError('INTERNAL', `the dump has no rows of ${relation.schema}.${relation.name}`);
  }
  // A foreign key that stands keeps its table from being truncated.
  if (intoDefinitions || !isStoredFrozen(relation)) return statement;
  return `TRUNCATE ONLY ${quoteQualified(relation)}; ${statement} (FREEZE)`;
}
