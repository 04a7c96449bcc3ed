import type { LargeObjectsWork } from '../../plan/work.js';
import { readLargeObjects } from '../../postgres/archive/large-objects.js';
import type { Session } from '../../postgres/session.js';
import type { Brought, DumpRows } from './context.js';
import { largeObjectMark, PIECE_BYTES } from './large-objects.js';
import { openedDump } from './opened-dump.js';

/** Large objects with their OIDs, from the files of a dump. */
export async function loadLargeObjects(
  { objects }: LargeObjectsWork,
  target: Session,
  { path }: DumpRows,
): Promise<Brought> {
  const { archive } = await openedDump(path);
  const waiting = new Set(objects.map(({ oid }) => oid));
  for (const entry of archive.entries.filter(({ kind }) => kind === 'BLOBS')) {
    for await (const { oid, content } of readLargeObjects(archive, entry)) {
      if (!waiting.delete(oid)) continue;
      await target.query('SELECT pg_catalog.lo_create($1::oid)', [oid]);
      let offset = 0;
      for await (const piece of inPieces(content)) {
        await target.query('SELECT pg_catalog.lo_put($1::oid, $2::int8, $3::bytea)', [oid, offset, piece]);
        offset += piece.length;
      }
    }
  }
  // One without content may have no file.
  for (const oid of waiting) await target.query('SELECT pg_catalog.lo_create($1::oid)', [oid]);
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
