import { expect, test } from 'vitest';
import { openTableData } from '../../../src/postgres/archive/table-data.js';
import { makeDatabases } from '../../integration/databases.js';
import { apachePair } from '../../integration/servers.js';
import {
  COMPRESSIONS,
  copied,
  dataOf,
  type dump,
  FORMATS,
  openDump,
  openFilesBelow,
  rowsOf,
  TABLES,
} from './dumps.js';

const ODD_NAME = "tab\tle; \\.\nwith 'lines'";

/** By the names of their entries, as SQL names them. */
const TABLE_NAMES: Record<string, string> = {
  [ODD_NAME]: `"odd ""schema""; --"."${ODD_NAME}"`,
  empty: 'empty',
  no_columns: 'no_columns',
  marker_like: 'marker_like',
  wide: 'wide',
};

for (const format of FORMATS) {
  test(`the rows of a dump in the format ${format} are those of the server, however they are compressed`, async () => {
    const name = `table_data_${format.replaceAll(' ', '_')}`;
    const databases = await makeDatabases(await apachePair(), name, TABLES);
    for (const compression of COMPRESSIONS) {
      const archive = await openDump(databases, format, compression);
      expect(archive.header).toMatchObject({
        format: format.split(' ')[0],
        version: '1.16',
        compression: { algorithm: compression },
        database: name,
        serverVersion: expect.stringMatching(/^17\./),
      });
      // From the last to the first, so that none is found only because it comes next.
      for (const [tag, table] of Object.entries(TABLE_NAMES).reverse()) {
        const entry = dataOf(archive, tag);
        expect(entry.copyStatement).toMatch(/^COPY .* FROM stdin;\n$/s);
        expect(entry.hasData).toBe(true);
        const expected = await copied(databases.programs, databases.source, table);
        const rows = await rowsOf(archive, entry);
        expect(rows.length, `${compression} ${tag}`).toBe(expected.length);
        expect(rows.equals(expected), `${compression} ${tag}`).toBe(true);
      }
      expect((await rowsOf(archive, dataOf(archive, 'wide'))).length).toBeGreaterThan(4_000_000);
      expect((await rowsOf(archive, dataOf(archive, 'marker_like'))).toString()).toBe(
        '\n\\\\.\nx\\\\.\n\n\n',
      );
      expect((await rowsOf(archive, dataOf(archive, 'empty'))).length).toBe(0);
    }
  });
}

test('only an archive that was written to a pipe does not say where the data stand', async () => {
  const databases = await makeDatabases(await apachePair(), 'table_data_positions', TABLES);
  const locations = async (...parameters: Parameters<typeof dump>) => {
    const { entries } = await openDump(...parameters);
    return new Set(entries.map(({ kind, data }) => `${kind === 'TABLE DATA' ? 'rows' : 'other'} ${data.at}`));
  };
  expect(await locations(databases, 'custom', 'gzip')).toEqual(new Set(['rows position', 'other nowhere']));
  expect(await locations(databases, 'custom through a pipe', 'gzip')).toEqual(
    new Set(['rows unknown-position', 'other nowhere']),
  );
  expect(await locations(databases, 'directory', 'gzip')).toEqual(new Set(['rows file', 'other nowhere']));
});

test('the data of a dump with INSERT statements are those statements', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'table_data_inserts',
    "CREATE TABLE a (b text); INSERT INTO a VALUES ('it''s'), ('two')",
  );
  const archive = await openDump(databases, 'directory', 'gzip', '--inserts');
  const entry = dataOf(archive, 'a');
  expect(entry.copyStatement).toBeUndefined();
  expect((await rowsOf(archive, entry)).toString()).toBe(
    "INSERT INTO public.a VALUES ('it''s');\nINSERT INTO public.a VALUES ('two');\n\n\n",
  );
});

for (const format of FORMATS) {
  test(`who stops reading in the middle leaves no file open: ${format}`, async () => {
    const databases = await makeDatabases(
      await apachePair(),
      `table_data_stop_${format.replaceAll(' ', '_')}`,
      TABLES,
    );
    for (const compression of COMPRESSIONS) {
      const archive = await openDump(databases, format, compression);
      for await (const piece of await openTableData(archive, dataOf(archive, 'wide'))) {
        expect(piece.toString('utf8', 0, 4)).toBe('1\tc4');
        break;
      }
      await expect.poll(() => openFilesBelow(archive.path)).toEqual([]);
      const unread = await openTableData(archive, dataOf(archive, 'wide'));
      await unread.return(undefined);
      await expect.poll(() => openFilesBelow(archive.path)).toEqual([]);
    }
  });
}
