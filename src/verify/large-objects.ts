import type { LargeObject } from '../inventory/large-objects.js';
import type { Session } from '../postgres/session.js';
import { ObjectSet } from './object-set.js';

/** Memory on the server holds one piece of each object at a time. */
const PIECE_BYTES = 16 * 1024 ** 2;

const READ_PIECES = `
SELECT p.oid::int8 AS oid, pg_catalog.octet_length(p.piece) AS bytes,
       pg_catalog.encode(pg_catalog.sha256(p.piece), 'hex') AS hash
FROM (SELECT o.oid, pg_catalog.lo_get(o.oid, $2::int8, $3::int) AS piece
      FROM pg_catalog.unnest($1::oid[]) AS o (oid) OFFSET 0) AS p`;

/** The content of large objects by their OIDs, read through functions that every owner may call. */
export async function readLargeObjectContents(
  session: Session,
  largeObjects: readonly LargeObject[],
): Promise<ObjectSet> {
  const objects = new ObjectSet();
  let open = largeObjects.map(({ oid }) => oid);
  for (let offset = 0; open.length > 0; offset += PIECE_BYTES) {
    const pieces = await session.query<{ oid: string; bytes: number; hash: string }>(READ_PIECES, [
      open,
      offset,
      PIECE_BYTES,
    ]);
    for (const { oid, bytes, hash } of pieces) {
      objects.add('large object', oid, [`${bytes} bytes from ${offset}: ${hash}`]);
    }
    open = pieces.filter(({ bytes }) => bytes === PIECE_BYTES).map(({ oid }) => Number(oid));
  }
  for (const { oid, owner } of largeObjects) objects.add('owner of large object', String(oid), [owner]);
  return objects;
}
