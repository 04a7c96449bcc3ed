import type { Archive } from '../postgres/archive/open-archive.js';
import type { TocEntry } from '../postgres/archive/toc-entry.js';
import { HyperferryError } from '../postgres/error.js';

/**
 * Expects the text of an archive of `pg_dump` to be what the sessions of a restore take it for: UTF-8, and with backslashes
 * in literals that stand for themselves. Most bytes of another encoding are UTF-8 as well, and would come as other characters.
 * @throws HyperferryError `ARCHIVE`
 */
export function expectReadableText({ path, entries }: Archive): void {
  const encoding = encodingOf(entries);
  if (!['UTF8', RAW].includes(encoding)) {
    throw new HyperferryError('ARCHIVE', `expected the text of ${path} in UTF8, but it is in ${encoding}`, {
      hint: 'Dump again with pg_dump --encoding=UTF8, or restore it with pg_restore.',
    });
  }
  if (settingOf(entries, 'STDSTRINGS') === 'off') {
    throw new HyperferryError(
      'ARCHIVE',
      `expected SQL with standard_conforming_strings = on in ${path}, but it was written with off`,
      {
        hint: 'Dump again with it: PGOPTIONS="-c standard_conforming_strings=on" pg_dump …; or restore it with pg_restore.',
      },
    );
  }
}

/** Bytes that the server took and gave as they are. A restore takes them for UTF-8, and refuses others. */
const RAW = 'SQL_ASCII';

/** Who asks a server for raw bytes gets them in the encoding of the database. */
function encodingOf(entries: readonly TocEntry[]): string {
  const encoding = settingOf(entries, 'ENCODING') ?? 'UTF8';
  return encoding === RAW ? (encodingOfDatabase(entries) ?? RAW) : encoding;
}

/** Of the database that was dumped. */
export function encodingOfDatabase(entries: readonly TocEntry[]): string | undefined {
  const database = entries.find(({ kind }) => kind === 'DATABASE');
  return / ENCODING = '([^']*)'/.exec(database?.definition ?? '')?.[1];
}

/** The value in `SET … = '…';`, which an entry of this kind is. */
function settingOf(entries: readonly TocEntry[], kind: string): string | undefined {
  return / = '([^']*)'/.exec(entries.find((entry) => entry.kind === kind)?.definition ?? '')?.[1];
}
