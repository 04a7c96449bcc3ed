import { databaseError } from '../postgres/database-error.js';
import { HyperferryError } from '../postgres/error.js';
import { quoteQualified } from '../postgres/quoting.js';
import type { Session } from '../postgres/session.js';
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
  const open = new Map<string, number>();
  for (const { relation } of pieces) open.set(relation.name, (open.get(relation.name) ?? 0) + 1);
  const sums = new Map<string, { rows: number; checksum: bigint }>();

  const add = (name: string, rows: number, checksum: bigint): void => {
    const sum = sums.get(name) ?? { rows: 0, checksum: 0n };
    sums.set(name, { rows: sum.rows + rows, checksum: sum.checksum + checksum });
    const left = (open.get(name) ?? 0) - 1;
    open.set(name, left);
    if (left === 0) options.onRead(name, totalsOf(sums.get(name), options.mode));
  };
  const tasks = batches(pieces).map(
    (batch): Task<Session> => ({
      weight: weightOf(batch),
      run: (session) =>
        readingCompared(side, session, async () => {
          const text = batch.map((piece, at) => totalsQuery(piece, at, options)).join(' UNION ALL ');
          for (const row of await readRows(session, text, batch)) {
            add(batch[row.at]?.relation.name ?? '', Number(row.rows), BigInt(row.checksum));
          }
          await refuseRewritten(side, session, batch);
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
  return new Map([...sums].map(([name, sum]) => [name, totalsOf(sum, options.mode)]));
}

function totalsOf(sum: { rows: number; checksum: bigint } | undefined, mode: VerifyMode): RowTotals {
  return {
    rows: sum?.rows ?? 0,
    checksum: mode === 'counts' ? undefined : String(sum?.checksum ?? 0n),
  };
}

function totalsQuery(
  { relation, where }: Piece,
  at: number,
  { mode, encodings }: { readonly mode: VerifyMode; readonly encodings: EncodingMatch },
): string {
  const checksum =
    mode === 'counts' ? `'0'` : `COALESCE(pg_catalog.sum(${rowHash(relation.columns, encodings)}), 0)::text`;
  return `SELECT ${at} AS at, pg_catalog.count(*)::text AS rows, ${checksum} AS checksum FROM ${relation.from} ${where}`;
}

async function readRows(
  session: Session,
  text: string,
  batch: readonly Piece[],
): Promise<{ at: number; rows: string; checksum: string }[]> {
  try {
    return await session.query<{ at: number; rows: string; checksum: string }>(text);
  } catch (error) {
    const refusal = databaseError(error);
    if (!refusal) throw error;
    const names = batch.slice(0, 3).map(({ relation }) => relation.name);
    throw new HyperferryError(
      refusal.code === '42P01' ? 'SOURCE_CHANGED' : 'STATEMENT',
      `the ${session.side} could not read ${names.join(', ')}${batch.length > 3 ? ', …' : ''}: ${refusal.message}`,
      { cause: error, ...(refusal.hint ? { hint: refusal.hint } : {}) },
    );
  }
}

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
  const nodes = side.inventory.relations
    .filter(({ kind }) => kind !== 'partitioned')
    .map(({ oid, fileNode }) => [oid, fileNode] as const);
  await refuseOtherNodes(side, session, nodes);
}

/** The locks that the query has taken keep the relations from being rewritten until its transaction ends. */
async function refuseRewritten(side: ComparedSide, session: Session, batch: readonly Piece[]): Promise<void> {
  await refuseOtherNodes(
    side,
    session,
    batch.flatMap(({ relation }) => [...relation.fileNodes]),
  );
}

async function refuseOtherNodes(
  side: ComparedSide,
  session: Session,
  nodes: readonly (readonly [oid: number, fileNode: number])[],
): Promise<void> {
  if (side.snapshot === undefined || nodes.length === 0) return;
  const names = new Map(side.inventory.relations.map((relation) => [relation.oid, quoteQualified(relation)]));
  const rows = await session.query<{ name: string }>(READ_REWRITTEN, [
    nodes.map(([oid]) => oid),
    nodes.map(([, node]) => node),
    nodes.map(([oid]) => names.get(oid) ?? ''),
  ]);
  if (rows.length === 0) return;
  throw new HyperferryError(
    'SOURCE_CHANGED',
    `rewritten or renamed on the ${side.side} while it was read (compressed, truncated, reordered or vacuumed in full): ${rows
      .slice(0, 10)
      .map(({ name }) => name)
      .join(', ')}`,
    { hint: 'Keep other sessions from compressing, truncating and dropping meanwhile, and run again.' },
  );
}

/** A row's address is its page and its place there; a page has at least 8 kB, whatever of `bytes` is in TOAST. */
function piecesOf(relation: NamedRelation, { inventory }: ComparedSide): Piece[] {
  const count = Math.ceil(relation.bytes / PIECE_BYTES);
  const isOwn = relation.fileNodes.size === 1 && relation.where === undefined;
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
