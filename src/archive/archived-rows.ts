import { copiedColumns } from '../postgres/archive/copied-columns.js';
import type { Archive } from '../postgres/archive/open-archive.js';
import { openTableData } from '../postgres/archive/table-data.js';
import type { TocEntry } from '../postgres/archive/toc-entry.js';

/** A row by column. NULL is left out. */
export type ArchivedRow = Readonly<Record<string, string>>;

/** The rows of a small table. */
export async function readRows(archive: Archive, entry: TocEntry): Promise<ArchivedRow[]> {
  const columns = copiedColumns(entry);
  const pieces: Buffer[] = [];
  for await (const piece of await openTableData(archive, entry)) pieces.push(piece);
  return Buffer.concat(pieces)
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const values = line.split('\t');
      return Object.fromEntries(
        columns.flatMap((column, at) =>
          values[at] === '\\N' ? [] : [[column, unescaped(values[at] ?? '')]],
        ),
      );
    });
}

/** Source: https://www.postgresql.org/docs/current/sql-copy.html, "Text Format". */
function unescaped(value: string): string {
  const letters: Record<string, string> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };
  return value.replace(/\\(.)/gs, (_, letter: string) => letters[letter] ?? letter);
}
