import type { Mark } from '../../engine/done.js';
import type { LargeObjectsWork } from '../../plan/work.js';
import { largeObjectContent } from '../../postgres/large-object-content.js';
import type { Session } from '../../postgres/session.js';
import { withSnapshot } from '../../postgres/snapshot.js';
import type { Brought, ServerRows, WorkerSessions } from './context.js';

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
  let offset = 0;
  for await (const piece of largeObjectContent(source, oid)) {
    await target.query('SELECT pg_catalog.lo_put($1::oid, $2::int8, $3::bytea)', [oid, offset, piece]);
    offset += piece.length;
  }
}
