import { createHash } from 'node:crypto';
import { quoteLiteral } from '../postgres/quoting.js';
import type { Session } from '../postgres/session.js';

/** Something that stands on the target, as the ledger notes it. */
export interface Mark {
  /** Says of what on the source it is the copy: another one there later means that it is no longer. */
  readonly fingerprint: string;
  /** For messages. */
  readonly object: string;
  /** SQL that takes it back, where there is some. */
  readonly undo?: string | undefined;
}

/** Rows that were copied. */
export interface RowsMark extends Mark {
  /** The relation as SQL names it: in the object's name, a dot may be part of a name. */
  readonly relation: string;
  readonly kind: string;
  readonly rows: number;
  /** As they went through the network. */
  readonly bytes: number;
  /** As they lie on the source's disk. */
  readonly sourceBytes: number;
}

/** A mark in the ledger; `relation` and `rows` are null but for rows of a relation. */
export type DoneMark = Mark & {
  readonly position: number;
  readonly relation: string | null;
  readonly rows: number | null;
};

/** @param parts what makes the thing the same thing */
export function fingerprint(...parts: readonly string[]): string {
  return createHash('md5').update(parts.join('\0')).digest('hex');
}

/** SQL that notes what the statements before it, in the same transaction, have made. */
export function markDone(marks: readonly Mark[]): string {
  const values = marks.map(
    ({ fingerprint: mark, object, undo }) =>
      `(${quoteLiteral(mark)}, ${quoteLiteral(object)}, ${undo ? quoteLiteral(undo) : 'NULL'})`,
  );
  // The same definition twice in an archive would be refused by the server already.
  return `INSERT INTO _hyperferry.done (fingerprint, object, undo) VALUES ${values.join(',\n')} ON CONFLICT DO NOTHING;`;
}

/** SQL that notes copied rows, in the transaction that brought them. */
export function markRowsDone(marks: readonly RowsMark[], worker: string): string {
  const columns = marks.map((mark) => [
    mark.fingerprint,
    mark.object,
    mark.undo ?? null,
    mark.kind,
    mark.rows,
    mark.bytes,
    mark.sourceBytes,
    mark.relation,
  ]);
  return `
INSERT INTO _hyperferry.done (fingerprint, object, undo, kind, rows, bytes, source_bytes, relation, worker)
SELECT value->>0, value->>1, value->>2, value->>3, (value->>4)::bigint, (value->>5)::bigint, (value->>6)::bigint,
       value->>7, ${quoteLiteral(worker)}
FROM pg_catalog.json_array_elements(${quoteLiteral(JSON.stringify(columns))}::json) AS value;`;
}

/** All that stands, in the order in which it was made. */
export async function readDone(session: Session): Promise<DoneMark[]> {
  return session.query<DoneMark & Record<string, unknown>>(
    `SELECT fingerprint, object, undo, position::int AS position, relation, rows::float8 AS rows
     FROM _hyperferry.done ORDER BY position`,
  );
}

/** Copied rows that other workers have noted since a position. */
export interface CopiedElsewhere {
  readonly position: number;
  readonly relation: string;
  readonly kind: string;
  readonly rows: number;
  readonly bytes: number;
  readonly sourceBytes: number;
}

const TAKEN_BACK_AT_ONCE = 50;

/**
 * Takes back what stands, last made first, and its marks with it. The marks are spoilt before: should this end in the
 * middle, the next attempt takes back the rest.
 */
export async function takeBack(session: Session, marks: readonly DoneMark[]): Promise<void> {
  const lastFirst = [...marks].sort((a, b) => b.position - a.position);
  await spoil(
    session,
    lastFirst.map(({ position }) => position),
  );
  for (let first = 0; first < lastFirst.length; first += TAKEN_BACK_AT_ONCE) {
    const batch = lastFirst.slice(first, first + TAKEN_BACK_AT_ONCE);
    await session.transaction(async () => {
      await session.query(batch.map(({ undo }) => undo ?? '').join('\n'));
      await session.query('DELETE FROM _hyperferry.done WHERE position = ANY ($1)', [
        batch.map(({ position }) => position),
      ]);
    });
  }
}

/** A mark with such a fingerprint is not that of anything on the source. */
async function spoil(session: Session, positions: readonly number[]): Promise<void> {
  await session.query(
    `UPDATE _hyperferry.done SET fingerprint = 'not ' || fingerprint
     WHERE position = ANY ($1) AND fingerprint NOT LIKE 'not %'`,
    [positions],
  );
}

/**
 * Notes of rows that they are not those of the source, so that the next attempt copies them again.
 * @param relations quoted and qualified
 */
export async function doubtRows(session: Session, relations: readonly string[]): Promise<void> {
  if (relations.length === 0) return;
  const marks = await session.query<{ position: number }>(
    'SELECT position::int AS position FROM _hyperferry.done WHERE kind IS NOT NULL AND relation = ANY ($1)',
    [relations],
  );
  await spoil(
    session,
    marks.map(({ position }) => position),
  );
}

/** What was copied, by all workers in all attempts. */
export interface CopiedTotals {
  readonly relations: number;
  readonly hypertables: number;
  readonly chunks: number;
  readonly rows: number;
  readonly bytes: number;
}

export async function readCopiedTotals(session: Session): Promise<CopiedTotals> {
  return session.one<CopiedTotals & Record<string, unknown>>(`
    SELECT pg_catalog.count(DISTINCT relation)::int AS relations,
           pg_catalog.count(DISTINCT relation) FILTER (WHERE kind = 'hypertable')::int AS hypertables,
           pg_catalog.count(DISTINCT relation) FILTER (WHERE kind = 'chunk')::int AS chunks,
           COALESCE(pg_catalog.sum(rows), 0)::float8 AS rows, COALESCE(pg_catalog.sum(bytes), 0)::float8 AS bytes
    FROM _hyperferry.done WHERE kind IS NOT NULL`);
}

/** The position of what was noted last. */
export async function readLastPosition(session: Session): Promise<number> {
  const { last } = await session.one<{ last: number }>(
    'SELECT COALESCE(pg_catalog.max(position), 0)::int AS last FROM _hyperferry.done',
  );
  return last;
}

/** Rows that other workers than this one have copied since a position. */
export async function readCopiedElsewhere(
  session: Session,
  worker: string,
  since: number,
): Promise<CopiedElsewhere[]> {
  return session.query<CopiedElsewhere & Record<string, unknown>>(
    `SELECT position::int AS position, object AS relation, kind, rows::float8 AS rows,
            bytes::float8 AS bytes, source_bytes::float8 AS "sourceBytes"
     FROM _hyperferry.done WHERE kind IS NOT NULL AND worker IS DISTINCT FROM $1 AND position > $2 ORDER BY position`,
    [worker, since],
  );
}
