import { IDENTIFIER_PATTERN, unquoted } from '../postgres/quoting.js';

/** What `compressed_data` gives as text for a column of only NULLs, in versions that take it back in no way. */
const UNREADABLE = Buffer.from('Bg==');
const NULL = Buffer.from('\\N');
const TAB = 0x09;
const LINE_END = 0x0a;

const COMPRESSED_COLUMN = new RegExp(
  `^    (${IDENTIFIER_PATTERN}) _timescaledb_internal\\.compressed_data\\b`,
  'gm',
);

/** The columns of compressed values of a table, by its definition as `pg_dump` writes it. */
export function compressedColumns(definition: string): Set<string> {
  return new Set([...definition.matchAll(COMPRESSED_COLUMN)].map(([, name = '']) => unquoted(name)));
}

/**
 * Writes NULL in place of compressed values that mean NULL and cannot be read back. In the text format of COPY a tab or the end
 * of a line is never in a value.
 *
 * @param rows in pieces that may begin and end anywhere
 * @param isCompressed of each column, whether it has compressed values
 */
export async function* withReadableNulls(
  rows: AsyncIterable<Buffer>,
  isCompressed: readonly boolean[],
): AsyncGenerator<Buffer> {
  /** Of a row that has begun. */
  let begun: Buffer[] = [];
  for await (const piece of rows) {
    const end = piece.lastIndexOf(LINE_END) + 1;
    if (end > 0) {
      yield replaced(Buffer.concat([...begun, piece.subarray(0, end)]), isCompressed);
      begun = [];
    }
    if (end < piece.length) begun.push(piece.subarray(end));
  }
  if (begun.length > 0) yield replaced(Buffer.concat(begun), isCompressed);
}

/** @param rows whole ones */
function replaced(rows: Buffer, isCompressed: readonly boolean[]): Buffer {
  const parts: Buffer[] = [];
  let kept = 0;
  let at = rows.indexOf(UNREADABLE);
  for (; at !== -1; at = rows.indexOf(UNREADABLE, at + UNREADABLE.length)) {
    const end = at + UNREADABLE.length;
    if (!isBoundary(rows[at - 1]) || !isBoundary(rows[end]) || !isCompressed[columnAt(rows, at)]) continue;
    parts.push(rows.subarray(kept, at), NULL);
    kept = end;
  }
  return kept === 0 ? rows : Buffer.concat([...parts, rows.subarray(kept)]);
}

/** @param byte undefined before the first and behind the last */
function isBoundary(byte: number | undefined): boolean {
  return byte === undefined || byte === TAB || byte === LINE_END;
}

/** The place of the column, from 0 on, whose value begins there. */
function columnAt(rows: Buffer, position: number): number {
  let column = 0;
  for (let at = position - 1; at >= 0 && rows[at] !== LINE_END; at--) if (rows[at] === TAB) column++;
  return column;
}
