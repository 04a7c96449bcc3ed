import type { Relation } from '../inventory/relations.js';
import { databaseError } from '../postgres/database-error.js';
import { HyperferryError } from '../postgres/error.js';
import { quoteQualified } from '../postgres/quoting.js';
import type { Session } from '../postgres/session.js';
import { isTransient } from '../postgres/transient.js';
import type { ReadRelation } from './compared-relation.js';
import { runTasks, type Task } from './pool.js';
import { type EncodingMatch, rowHash } from './row-hash.js';
import { type ComparedSide, openComparingSession, readingCompared } from './side.js';
import type { RowTotals, VerifyMode } from './verification.js';

/** A relation of one side, under a name that both sides give it. */
export interface NamedRelation extends ReadRelation {
  readonly name: string;
  /** A condition on its rows, as SQL; all of them without. */
  readonly where?: string;
}

/** A round trip for each small chunk costs more than its rows; a query of too many holds locks on all of them. */
const SMALL_BATCH_BYTES = 8 * 1024 ** 2;
const SMALL_BATCH_RELATIONS = 50;
/** A larger relation is read by several workers at once, each a range of its pages. */
const PIECE_BYTES = 1024 ** 3;
/** A scan of a range of row addresses came with PostgreSQL 14. */
const FIRST_WITH_RANGE_SCANS = 140_000;

/** A part of a relation that one query reads. */
interface Piece {
  readonly relation: NamedRelation;
  readonly where: string;
  readonly bytes: number;
}

/**
 * Counts the rows of relations, and sums their hashes: a sum depends on no order, and a row that stands twice counts
 * twice in it. Each relation is read once, largest first, on `jobs` workers.
 *
 * @throws HyperferryError `SOURCE_CHANGED` when a relation was rewritten after the snapshot: it then looks empty
 */
export async function readTotals(
  side: ComparedSide,
  relations: readonly NamedRelation[],
  options: {
    readonly mode: VerifyMode;
    readonly encodings: EncodingMatch;
    readonly jobs: number;
    readonly signal: AbortSignal;
    readonly onRead: (name: string, totals: RowTotals) => void;
  },
): Promise<Map<string, RowTotals>> {
  const pieces = relations.flatMap((relation) => piecesOf(relation, side));
  const open = new Map<string, Sum>();
  for (const { relation } of pieces) {
    const sum = open.get(relation.name) ?? { piecesLeft: 0, rows: 0, checksum: 0n };
    sum.piecesLeft++;
    open.set(relation.name, sum);
  }
  const read = new Map<string, RowTotals>();

  const add = (name: string, rows: number, checksum: bigint): void => {
    const sum = open.get(name);
    if (!sum) return;
    sum.rows += rows;
    sum.checksum += checksum;
    sum.piecesLeft--;
    if (sum.piecesLeft > 0) return;
    open.delete(name);
    const totals = totalsOf(sum, options.mode);
    read.set(name, totals);
    options.onRead(name, totals);
  };
  const checksumOf = checksumOncePerList(options);
  const readBatch = (session: Session, batch: readonly Piece[]): Promise<void> =>
    readingCompared(side, session, async () => {
      const text = batch
        .map((piece, at) => totalsQuery(piece, at, checksumOf(piece.relation.columns)))
        .join(' UNION ALL ');
      for (const row of await session.query<TotalsRow>(text)) {
        add(batch[row.at]?.relation.name ?? '', Number(row.rows), BigInt(row.checksum));
      }
      await refuseRewritten(side, session, batch);
    });
  const tasks = batches(pieces).map(
    (batch): Task<Session> => ({
      weight: weightOf(batch),
      run: (session) =>
        readBatch(session, batch).catch((error: unknown) => {
          if (!databaseError(error) || isTransient(error)) throw error;
          return readOneByOne(session, batch, readBatch);
        }),
    }),
  );
  await runTasks(
    tasks,
    options.jobs,
    {
      open: () => openComparingSession(side),
      close: (session) => session.close(),
      destroy: (session) => session.destroy(),
    },
    options.signal,
  );
  return read;
}

interface Sum {
  piecesLeft: number;
  rows: number;
  checksum: bigint;
}

function totalsOf({ rows, checksum }: Sum, mode: VerifyMode): RowTotals {
  return { rows, checksum: mode === 'counts' ? undefined : String(checksum) };
}

/** Chunks share the list of their hypertable's columns. */
function checksumOncePerList({
  mode,
  encodings,
}: {
  readonly mode: VerifyMode;
  readonly encodings: EncodingMatch;
}): (columns: NamedRelation['columns']) => string {
  if (mode === 'counts') return () => `'0'`;
  const known = new Map<NamedRelation['columns'], string>();
  return (columns) => {
    const checksum =
      known.get(columns) ?? `COALESCE(pg_catalog.sum(${rowHash(columns, encodings)}), 0)::text`;
    known.set(columns, checksum);
    return checksum;
  };
}

function totalsQuery({ relation, where }: Piece, at: number, checksum: string): string {
  return `SELECT ${at} AS at, pg_catalog.count(*)::text AS rows, ${checksum} AS checksum FROM ${relation.from} ${where}`;
}

interface TotalsRow extends Record<string, unknown> {
  readonly at: number;
  readonly rows: string;
  readonly checksum: string;
}

/** The server does not say of which relation of a batch it could not read the rows. */
async function readOneByOne(
  session: Session,
  batch: readonly Piece[],
  read: (session: Session, batch: readonly Piece[]) => Promise<void>,
): Promise<void> {
  for (const piece of batch) {
    await read(session, [piece]).catch((error: unknown) => {
      const refusal = databaseError(error);
      if (!refusal) throw error;
      const isGone = refusal.code === '42P01';
      const hint = isGone ? AFTER_CHANGE : refusal.hint;
      throw new HyperferryError(
        isGone ? 'SOURCE_CHANGED' : 'STATEMENT',
        `the ${session.side} could not read ${piece.relation.name}: ${refusal.message}`,
        { cause: error, ...(hint ? { hint } : {}) },
      );
    });
  }
}

const AFTER_CHANGE =
  'Keep other sessions from compressing, truncating and dropping meanwhile, and run again. A migration can copy such relations anew: hyperferry migrate --on-rewrite retry.';

const READ_REWRITTEN = `
SELECT r.name
FROM ROWS FROM (unnest($1::oid[]), unnest($2::int8[]), unnest($3::text[])) AS r (oid, filenode, name)
WHERE pg_catalog.pg_relation_filenode(r.oid)::int8 IS DISTINCT FROM r.filenode
   OR pg_catalog.to_regclass(r.name)::oid IS DISTINCT FROM r.oid`;

/**
 * For relations that are read through others, as chunks through their hypertable: whether one of them has been rewritten
 * or dropped since the snapshot.
 */
export async function refuseRewrittenSince(side: ComparedSide, session: Session): Promise<void> {
  await refuseOtherNodes(
    side,
    session,
    side.inventory.relations.filter(({ kind }) => kind !== 'partitioned'),
  );
}

/** The locks that the query has taken keep the relations from being rewritten until its transaction ends. */
async function refuseRewritten(side: ComparedSide, session: Session, batch: readonly Piece[]): Promise<void> {
  await refuseOtherNodes(
    side,
    session,
    batch.flatMap(({ relation }) => relation.relations),
  );
}

async function refuseOtherNodes(
  side: ComparedSide,
  session: Session,
  relations: readonly Relation[],
): Promise<void> {
  if (side.snapshot === undefined || relations.length === 0) return;
  const rows = await session.query<{ name: string }>(READ_REWRITTEN, [
    relations.map(({ oid }) => oid),
    relations.map(({ fileNode }) => fileNode),
    relations.map(quoteQualified),
  ]);
  if (rows.length === 0) return;
  throw new HyperferryError(
    'SOURCE_CHANGED',
    `rewritten or renamed on the ${side.side} while it was read (compressed, truncated, reordered or vacuumed in full): ${rows
      .slice(0, 10)
      .map(({ name }) => name)
      .join(', ')}`,
    { hint: AFTER_CHANGE },
  );
}

/** A row's address is its page and its place there; a page has at least 8 kB, whatever of `bytes` is in TOAST. */
function piecesOf(relation: NamedRelation, { inventory }: ComparedSide): Piece[] {
  const count = Math.ceil(relation.bytes / PIECE_BYTES);
  const isOwn = relation.relations.length === 1 && relation.where === undefined;
  if (count < 2 || !isOwn || inventory.server.version < FIRST_WITH_RANGE_SCANS) {
    return [{ relation, where: relation.where ? `WHERE ${relation.where}` : '', bytes: relation.bytes }];
  }
  const pages = Math.ceil(relation.bytes / 8192 / count);
  return Array.from({ length: count }, (_, index) => {
    const bounds = [
      ...(index === 0 ? [] : [`ctid >= '(${index * pages},0)'`]),
      ...(index === count - 1 ? [] : [`ctid < '(${(index + 1) * pages},0)'`]),
    ];
    const where = `WHERE ${bounds.map((bound) => `hf_row.${bound}`).join(' AND ')}`;
    return { relation, where, bytes: relation.bytes / count };
  });
}

function batches(pieces: readonly Piece[]): Piece[][] {
  const made: Piece[][] = [];
  let batch: Piece[] = [];
  for (const piece of pieces.toSorted((a, b) => b.bytes - a.bytes)) {
    const isFull =
      weightOf(batch) + piece.bytes > SMALL_BATCH_BYTES || batch.length === SMALL_BATCH_RELATIONS;
    if (batch.length > 0 && isFull) {
      made.push(batch);
      batch = [];
    }
    batch.push(piece);
  }
  return batch.length > 0 ? [...made, batch] : made;
}

function weightOf(batch: readonly Piece[]): number {
  return batch.reduce((sum, { bytes }) => sum + bytes, 0);
}
