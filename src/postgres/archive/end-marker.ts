import { unreadableArchive } from './archive-error.js';

/** Source: dumpTableData_copy() in PostgreSQL's src/bin/pg_dump/pg_dump.c. */
export const END_MARKER = Buffer.from('\\.\n\n\n');

const LINE_END = 0x0a;

/**
 * Leaves out the marker behind a table's rows. In COPY's text format no row can look like it, so that data without it
 * were cut off.
 */
export async function* withoutEndMarker(path: string, bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  // The marker must be a line of its own, so that the end of the row before it is looked at, too.
  const kept = END_MARKER.length + 1;
  let tail = Buffer.alloc(0);
  let isFirst = true;
  for await (const piece of bytes) {
    const whole = tail.length === 0 ? piece : Buffer.concat([tail, piece]);
    const split = Math.max(0, whole.length - kept);
    tail = Buffer.from(whole.subarray(split));
    if (split === 0) continue;
    isFirst = false;
    yield whole.subarray(0, split);
  }
  const rowEnd = tail.subarray(0, Math.max(0, tail.length - END_MARKER.length));
  const isMarked =
    tail.subarray(rowEnd.length).equals(END_MARKER) &&
    (rowEnd.length === 0 ? isFirst : rowEnd[0] === LINE_END);
  if (!isMarked) {
    throw unreadableArchive(
      path,
      "a table's rows in it end without the end marker (\\.) behind them: it was cut off",
    );
  }
  if (rowEnd.length > 0) yield rowEnd;
}
