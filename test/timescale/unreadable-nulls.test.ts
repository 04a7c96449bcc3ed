import { expect, test } from 'vitest';
import { compressedColumns, withReadableNulls } from '../../src/timescale/unreadable-nulls.js';

const ROWS = [
  ['Bg==', 'Bg==', 'Bg==', 'Bg=='],
  ['', 'Bg==Bg==', 'xBg==', 'Bg==x'],
  ['\\N', 'BgAAB', 'Bg=', 'Bg=='],
  ['\\tBg==', 'Bg==', 'a\\\\nBg==', '\\\\'],
];
const IS_COMPRESSED = [false, true, false, true];

test('only a whole value of a compressed column becomes NULL, wherever pieces begin and end', async () => {
  const text = `${ROWS.map((row) => row.join('\t')).join('\n')}\n`;
  const expected = `${ROWS.map((row) =>
    row.map((value, at) => (value === 'Bg==' && IS_COMPRESSED[at] ? '\\N' : value)).join('\t'),
  ).join('\n')}\n`;
  expect(expected.match(/Bg==/g)).toHaveLength(8);
  for (let bytes = 1; bytes <= text.length; bytes++) {
    expect(await converted(inPieces(text, bytes)), `pieces of ${bytes}`).toBe(expected);
  }
});

test('a last row without the end of a line is one, and no rows are none', async () => {
  expect(await converted(inPieces('a\tBg==\tb\tBg==', 5))).toBe('a\t\\N\tb\t\\N');
  expect(await converted(inPieces('', 1))).toBe('');
});

test('columns are told by their types, with names as SQL writes them', () => {
  const definition = `
CREATE TABLE _timescaledb_internal.compress_hyper_2_2_chunk (
    _ts_meta_count integer,
    device text,
    "odd ""name"", _timescaledb_internal.compressed_data" text,
    "odd ""b"", c" _timescaledb_internal.compressed_data,
    value _timescaledb_internal.compressed_data NOT NULL
)
WITH (toast_tuple_target='128');
`;
  expect(compressedColumns(definition)).toEqual(new Set(['odd "b", c', 'value']));
});

async function* inPieces(text: string, bytes: number): AsyncGenerator<Buffer> {
  const all = Buffer.from(text);
  for (let at = 0; at < all.length; at += bytes) yield all.subarray(at, at + bytes);
}

async function converted(rows: AsyncIterable<Buffer>): Promise<string> {
  let text = '';
  for await (const piece of withReadableNulls(rows, IS_COMPRESSED)) text += piece.toString();
  return text;
}
