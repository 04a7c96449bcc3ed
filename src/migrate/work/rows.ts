import type { RowsMark } from '../../engine/done.js';
import type { CopiedRelation, CopyWork, Layout, PageRange } from '../../plan/work.js';
import { databaseError } from '../../postgres/database-error.js';
import { HyperferryError } from '../../postgres/error.js';
import { quoteIdentifier, quoteQualified } from '../../postgres/quoting.js';
import { relayCopies } from '../../postgres/relay.js';
import type { Session } from '../../postgres/session.js';
import { withSnapshot } from '../../postgres/snapshot.js';
import { expectSameFiles, type LockedRelation, lockFileNodes, sourceChanged } from '../rewrite-guard.js';
import { storedValue } from '../stored-value.js';
import { asApplication, copyError, failureToCopy, isStoredFrozen, rowsMark } from './brought-rows.js';
import type { Brought, ServerRows, WorkerSessions, WorkerSettings } from './context.js';

/** What each side is told of one relation. */
interface Copy {
  readonly relation: CopiedRelation;
  readonly out: string;
  readonly into: string;
}

/**
 * Rows, from the source as of the snapshot to the target in the transaction of its session. Each side is told of all
 * relations in one message: a small chunk's rows take less time than a wait for an answer.
 */
export async function copyRows(
  { layouts, relations }: CopyWork,
  { target, openSource }: WorkerSessions,
  server: ServerRows,
  settings: WorkerSettings,
): Promise<Brought> {
  const copies = relations.map((relation): Copy => {
    const layout = layouts[relation.layout];
    if (!layout) throw new HyperferryError('INTERNAL', `the task names no columns of ${relation.name}`);
    return copyOf(relation, layout, server);
  });
  const source = await openSource();
  const rows = await withSnapshot<RowsMark[], LockedRelation>(
    source,
    server.snapshot,
    async (locked) => {
      expectSameFiles(relations, locked);
      return relayRows(copies, source, target, settings);
    },
    lockFileNodes(relations),
  );
  return { rows, objects: [], notices: [] };
}

function copyOf(relation: CopiedRelation, layout: Layout, server: ServerRows): Copy {
  const freeze = isStoredFrozen(relation);
  const options = `FORMAT ${layout.format}${freeze ? ', FREEZE' : ''}`;
  const name = quoteQualified(relation.loadThrough ?? relation);
  const columns = layout.columns.map((column) => quoteIdentifier(column.name)).join(', ');
  const list = columns === '' ? '' : ` (${columns})`;
  return {
    relation,
    out: `COPY ${rowsOf(relation, layout, server)} TO STDOUT (FORMAT ${layout.format})`,
    into: `${freeze ? `TRUNCATE ONLY ${name}; ` : ''}COPY ${name}${list} FROM STDIN (${options})`,
  };
}

/** The text of `money` is that of a locale, which the other server may not have, or have otherwise. */
const SAME_MONEY = "SET LOCAL lc_monetary = 'C'";

/** The source's transaction ends with its rows. */
async function relayRows(
  copies: readonly Copy[],
  source: Session,
  target: Session,
  settings: WorkerSettings,
): Promise<RowsMark[]> {
  const { before = [], after = [] } = asApplication(settings);
  const relayed = await relayCopies(
    source,
    { before: [SAME_MONEY], copies: copies.map(({ out }) => out), after: ['COMMIT'] },
    target,
    { before: [SAME_MONEY, ...before], copies: copies.map(({ into }) => into), after },
  );
  if (relayed.state === 'failed') {
    const relation = copies[relayed.copy ?? -1]?.relation;
    throw renamedOnSource(relation, relayed.error) ?? failureToCopy(relation, relayed.error);
  }
  return copies.map(({ relation }, index) => {
    const { sent = 0, received = 0, bytes = 0 } = relayed.copies[index] ?? {};
    if (sent !== received)
      throw copyError(relation, `the source sent ${sent} rows and the target took ${received}`);
    return rowsMark(relation, received, bytes);
  });
}

/** Rows carry the labels of enums as text, and those of the present, whatever the snapshot; columns are found by such names. */
function renamedOnSource(relation: CopiedRelation | undefined, error: unknown): Error | undefined {
  const refusal = databaseError(error);
  const isColumn = refusal?.side === 'source' && refusal.code === UNDEFINED_COLUMN;
  const isLabel =
    refusal?.side === 'target' && refusal.code === INVALID_TEXT && / enum /.test(refusal.message);
  if (!relation || !(isColumn || isLabel)) return undefined;
  const what = isColumn ? 'a column' : 'a label of an enum';
  return sourceChanged(
    `${what} of ${relation.schema}.${relation.name} was renamed or dropped on the source after the snapshot was taken: ${refusal.message}`,
    error,
  );
}

const UNDEFINED_COLUMN = '42703';
const INVALID_TEXT = '22P02';

/**
 * The relation and its columns. Compressed rows by a query, since TimescaleDB takes a `COPY` that names the relation
 * of a frozen chunk for one that writes (2.29.2); and since a stored value may be one that the target must not get. A
 * part of a relation by a query as well.
 */
function rowsOf(relation: CopiedRelation, { columns }: Layout, server: ServerRows): string {
  const name = quoteQualified(relation);
  if (relation.range || columns.some((column) => column.isCompressedData)) {
    const values = columns.map((column) => storedValue(column, server.storesNullAsUnreadableValue));
    return `(SELECT ${values.join(', ')} FROM ONLY ${name}${relation.range ? inRange(relation.range) : ''})`;
  }
  return columns.length === 0
    ? name
    : `${name} (${columns.map((column) => quoteIdentifier(column.name)).join(', ')})`;
}

function inRange({ begin, end }: PageRange): string {
  const limit = end === undefined ? '' : ` AND ctid < '(${end},0)'`;
  return ` WHERE ctid >= '(${begin},0)'${limit}`;
}
