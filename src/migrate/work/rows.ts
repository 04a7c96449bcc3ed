import type { RowsMark } from '../../engine/done.js';
import type { CopiedRelation, CopyWork, Layout, PageRange } from '../../plan/work.js';
import { databaseError } from '../../postgres/database-error.js';
import { HyperferryError } from '../../postgres/error.js';
import { quoteIdentifier, quoteLiteral, quoteQualified } from '../../postgres/quoting.js';
import { relayCopies } from '../../postgres/relay.js';
import type { Session } from '../../postgres/session.js';
import { withSnapshot } from '../../postgres/snapshot.js';
import { readableCompressedValue } from '../../timescale/timescale.js';
import { expectSameFiles, type LockedRelation, lockFileNodes } from '../rewrite-guard.js';
import type { Brought, WorkerSessions, WorkerSettings } from './context.js';

/**
 * A table of a megabyte and more is truncated in the transaction that fills it, so that its rows can be stored
 * frozen. For a smaller one, making its files anew costs more (0.8 ms a file) than freezing its rows later.
 */
const FREEZE_FROM_BYTES = 1024 ** 2;

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
  settings: WorkerSettings,
): Promise<Brought> {
  const copies = relations.map((relation): Copy => {
    const layout = layouts[relation.layout];
    if (!layout) throw new HyperferryError('INTERNAL', `the task names no columns of ${relation.name}`);
    return copyOf(relation, layout, settings);
  });
  const source = await openSource();
  const rows = await withSnapshot<RowsMark[], LockedRelation>(
    source,
    settings.snapshot,
    async (locked) => {
      expectSameFiles(relations, locked);
      return relayRows(copies, source, target, settings);
    },
    lockFileNodes(relations),
  );
  return { rows, objects: [], notices: [] };
}

function copyOf(relation: CopiedRelation, layout: Layout, settings: WorkerSettings): Copy {
  const freeze =
    relation.bytes >= FREEZE_FROM_BYTES &&
    relation.kind !== 'hypertable' &&
    !relation.loadThrough &&
    !relation.range;
  const options = `FORMAT ${layout.format}${freeze ? ', FREEZE' : ''}`;
  const name = quoteQualified(relation.loadThrough ?? relation);
  const columns = layout.columns.map((column) => quoteIdentifier(column.name)).join(', ');
  const list = columns === '' ? '' : ` (${columns})`;
  return {
    relation,
    out: `COPY ${rowsOf(relation, layout, settings)} TO STDOUT (FORMAT ${layout.format})`,
    into: `${freeze ? `TRUNCATE ONLY ${name}; ` : ''}COPY ${name}${list} FROM STDIN (${options})`,
  };
}

/** The source's transaction ends with its rows. */
async function relayRows(
  copies: readonly Copy[],
  source: Session,
  target: Session,
  { applicationDefaults: { searchPath, timeZone } }: WorkerSettings,
): Promise<RowsMark[]> {
  const relayed = await relayCopies(
    source,
    { copies: copies.map(({ out }) => out), after: ['COMMIT'] },
    target,
    {
      before: [
        `SELECT pg_catalog.set_config('search_path', ${quoteLiteral(searchPath)}, true),
                pg_catalog.set_config('TimeZone', ${quoteLiteral(timeZone)}, true)`,
      ],
      copies: copies.map(({ into }) => into),
      after: ["SET LOCAL search_path = ''"],
    },
  );
  if (relayed.state === 'failed') {
    const relation = copies[relayed.copy ?? -1]?.relation;
    if (!relation) throw relayed.error;
    const reason = databaseError(relayed.error)?.message ?? (relayed.error as Error).message;
    throw copyError(relation, reason, relayed.error);
  }
  return copies.map(({ relation }, index) => {
    const { sent = 0, received = 0, bytes = 0 } = relayed.copies[index] ?? {};
    if (sent !== received)
      throw copyError(relation, `the source sent ${sent} rows and the target took ${received}`);
    return {
      fingerprint: relation.fingerprint,
      object: `${relation.schema}.${relation.name}`,
      relation: quoteQualified(relation),
      undo: `TRUNCATE ONLY ${quoteQualified(relation)};`,
      kind: relation.kind,
      rows: received,
      bytes,
      sourceBytes: relation.bytes,
    };
  });
}

function copyError({ schema, name }: CopiedRelation, reason: string, cause?: unknown): HyperferryError {
  return new HyperferryError('COPY', `the rows of ${schema}.${name} could not be copied: ${reason}`, {
    cause,
    hint: hintFor(databaseError(cause)?.code),
  });
}

/** What may be done about a refusal that does not pass by itself. */
function hintFor(state = ''): string | undefined {
  if (state === '53100') return 'Make room on the disk of the server that said so, and go on.';
  if (state === '42501') return 'Give the connecting role the right that it lacks.';
  if (state.startsWith('23'))
    return 'The target takes no row that the constraint refuses; mend it on the source.';
  return undefined;
}

/**
 * The relation and its columns. Compressed rows by a query, since TimescaleDB takes a `COPY` that names the relation
 * of a frozen chunk for one that writes (2.29.2); and since a stored value may be one that cannot be read back. A part of
 * a relation by a query as well.
 */
function rowsOf(relation: CopiedRelation, { columns }: Layout, settings: WorkerSettings): string {
  const name = quoteQualified(relation);
  if (relation.range || columns.some((column) => column.isCompressedData)) {
    const values = columns.map((column) =>
      settings.storesNullAsUnreadableValue && column.isCompressedData
        ? readableCompressedValue(column.name)
        : quoteIdentifier(column.name),
    );
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
