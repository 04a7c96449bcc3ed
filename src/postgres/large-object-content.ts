import type { Session } from './session.js';

/** Memory holds one piece of a large object, in its text form of twice that size. */
export const PIECE_BYTES = 4 * 1024 ** 2;

/** The content of a large object, piece by piece: nothing where it is empty. */
export async function* largeObjectContent(session: Session, oid: number): AsyncGenerator<Buffer> {
  for (let offset = 0; ; offset += PIECE_BYTES) {
    const { piece } = await session.one<{ piece: Buffer }>(
      'SELECT pg_catalog.lo_get($1::oid, $2::int8, $3::int) AS piece',
      [oid, offset, PIECE_BYTES],
    );
    if (piece.length > 0) yield piece;
    if (piece.length < PIECE_BYTES) return;
  }
}
