import type { LargeObject } from '../inventory/large-objects.js';
import type { Session } from '../postgres/session.js';
import { ObjectSet } from './object-set.js';

/** How the content of large objects is read: by pages from their catalog, or by a function for each. */
export type LargeObjectAccess = 'catalog' | 'functions';

/** Trailing zeros cannot be trimmed before PostgreSQL 14; pages are a quarter of a block. */
const READ_ACCESS = `
SELECT pg_catalog.has_table_privilege('pg_catalog.pg_largeobject', 'SELECT')
       AND pg_catalog.current_setting('server_version_num')::int >= 140000
       AND pg_catalog.current_setting('block_size') = '8192' AS "mayRead"`;

export async function readLargeObjectAccess(session: Session): Promise<LargeObjectAccess> {
  const { mayRead } = await session.one<{ mayRead: boolean }>(READ_ACCESS);
  return mayRead ? 'catalog' : 'functions';
}

/** The content of large objects by their OIDs. Both sides must be read in the same way. */
export async function readLargeObjectContents(
  session: Session,
  largeObjects: readonly LargeObject[],
  access: LargeObjectAccess,
): Promise<ObjectSet> {
  const objects = new ObjectSet();
  if (largeObjects.length === 0) return objects;
  if (access === 'catalog') await readPages(session, largeObjects, objects);
  else await readPieces(session, largeObjects, objects);
  for (const { oid, owner } of largeObjects) objects.add('owner of large object', String(oid), [owner]);
  return objects;
}

/** A page that is missing, and what a page lacks at its end, reads as zeros: it depends on how the object was written. */
const READ_PAGES = `
SELECT l.loid::int8 AS oid, pg_catalog.max(l.pageno::int8 * 2048 + pg_catalog.octet_length(l.data))::text AS bytes,
       COALESCE(pg_catalog.sum(pg_catalog.hashtextextended(
         pg_catalog.encode(pg_catalog.rtrim(l.data, '\\x00'), 'hex') COLLATE pg_catalog."C", l.pageno + 1))
         FILTER (WHERE pg_catalog.octet_length(pg_catalog.rtrim(l.data, '\\x00')) > 0), 0)::text AS hash
FROM pg_catalog.pg_largeobject l GROUP BY l.loid`;

async function readPages(
  session: Session,
  largeObjects: readonly LargeObject[],
  objects: ObjectSet,
): Promise<void> {
  const rows = await session.query<{ oid: string; bytes: string; hash: string }>(READ_PAGES);
  const contents = new Map(rows.map(({ oid, bytes, hash }) => [Number(oid), `${bytes} bytes: ${hash}`]));
  for (const { oid } of largeObjects)
    objects.add('large object', String(oid), [contents.get(oid) ?? 'empty']);
}

/** Memory on the server holds one piece of each object at a time. */
const PIECE_BYTES = 16 * 1024 ** 2;

/** What every owner may call. It locks pg_largeobject as if to write (ROW EXCLUSIVE): open_lo_relation() in inv_api.c. */
const READ_PIECES = `
SELECT p.oid::int8 AS oid, pg_catalog.octet_length(p.piece) AS bytes,
       pg_catalog.encode(pg_catalog.sha256(p.piece), 'hex') AS hash
FROM (SELECT o.oid, pg_catalog.lo_get(o.oid, $2::int8, $3::int) AS piece
      FROM pg_catalog.unnest($1::oid[]) AS o (oid) OFFSET 0) AS p`;

async function readPieces(
  session: Session,
  largeObjects: readonly LargeObject[],
  objects: ObjectSet,
): Promise<void> {
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
}
