import type { Mark } from '../../engine/done.js';
import type { LargeObjectsWork } from '../../plan/work.js';
import type { Session } from '../../postgres/session.js';
import { withSnapshot } from '../../postgres/snapshot.js';
import type { Brought, ServerRows, WorkerSessions } from './context.js';

/** Memory holds one piece of a large object, in its text form of twice that size. */
export const PIECE_BYTES = 4 * 1024 ** 2;

/** Large objects with their OIDs and their content. */
export async function copyLargeObjects(
  { objects }: LargeObjectsWork,
  { target, openSource }: WorkerSessions,
  { snapshot }: ServerRows,
): Promise<Brought> {
  const source = await openSource();
  await withSnapshot(source, snapshot, async () => {
    for (const { oid } of objects) {
      await target.query('SELECT pg_catalog.lo_create($1::oid)', [oid]);
      await copyContent(oid, source, target);
    }
  });
  return { rows: [], objects: objects.map(largeObjectMark), notices: [] };
}

export function largeObjectMark({ oid, fingerprint }: LargeObjectsWork['objects'][number]): Mark {
  return {
    fingerprint,
    object: `LARGE OBJECT ${oid}`,
    undo: `SELECT pg_catalog.lo_unlink(${oid}::oid);`,
  };
}

async function copyContent(oid: number, source: Session, target: Session): Promise<void> {
  for (let offset = 0; ; offset += PIECE_BYTES) {
    const { piece } = await source.one<{ piece: Buffer }>(
      'SELECT pg_catalog.lo_get($1::oid, $2::int8, $3::int) AS piece',
      [oid, offset, PIECE_BYTES],
    );
    if (piece.length > 0) {
      await target.query('SELECT pg_catalog.lo_put($1::oid, $2::int8, $3::bytea)', [oid, offset, piece]);
    }
    if (piece.length < PIECE_BYTES) return;
  }
}
