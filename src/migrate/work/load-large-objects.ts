import type { LargeObjectsWork } from '../../plan/work.js';
import { readLargeObject } from '../../postgres/archive/large-objects.js';
import { PIECE_BYTES } from '../../postgres/large-object-content.js';
import type { Session } from '../../postgres/session.js';
import type { Brought, DumpRows } from './context.js';
import { largeObjectMark } from './large-objects.js';
import { openedDump } from './opened-dump.js';

/** Large objects with their OIDs, from the files of a dump. */
export async function loadLargeObjects(
  { objects }: LargeObjectsWork,
  target: Session,
  { path }: DumpRows,
): Promise<Brought> {
  const { archive, findLargeObjects } = await openedDump(path);
  const places = await findLargeObjects();
  for (const { oid } of objects) {
    await target.query('SELECT pg_catalog.lo_create($1::oid)', [oid]);
    const place = places.get(oid);
    if (place === undefined) continue; // one without content may have no file
    let offset = 0;
    for await (const piece of inPieces(readLargeObject(archive, { oid, place }))) {
      await target.query('SELECT pg_catalog.lo_put($1::oid, $2::int8, $3::bytea)', [oid, offset, piece]);
      offset += piece.length;
    }
  }
  return { rows: [], objects: objects.map(largeObjectMark), notices: [] };
}

/** Pieces as large as a statement may well carry. */
async function* inPieces(content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let gathered: Buffer[] = [];
  let bytes = 0;
  for await (const piece of content) {
    gathered.push(piece);
    bytes += piece.length;
    if (bytes < PIECE_BYTES) continue;
    yield Buffer.concat(gathered);
    gathered = [];
    bytes = 0;
  }
  if (bytes > 0) yield Buffer.concat(gathered);
}
