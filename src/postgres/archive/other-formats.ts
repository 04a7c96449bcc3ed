import type { Stats } from 'node:fs';
import { HyperferryError } from '../error.js';
import { MAGIC } from './format-codes.js';

/** As many bytes as tell a format from others: one block of a tar archive. */
export const FORMAT_BYTES = 512;

/** Source: https://www.gnu.org/software/tar/manual/html_node/Standard.html */
const TAR_MAGIC_AT = 257;

/** What people have in place of an archive: the other formats of pg_dump, and files that were compressed as a whole. */
const OTHERS: readonly {
  readonly what: string;
  readonly hint: string;
  isIt(beginning: string): boolean;
}[] = [
  {
    what: 'a tar archive (-Ft)',
    hint: 'Restore it with pg_restore, or dump again with -Fd or -Fc.',
    isIt: (beginning) => beginning.startsWith('ustar', TAR_MAGIC_AT),
  },
  {
    what: 'plain SQL',
    hint: 'Restore it with psql, or dump again with -Fd or -Fc.',
    isIt: (beginning) => /^--\s+-- PostgreSQL database (cluster )?dump\b/.test(beginning),
  },
  ...(
    [
      ['gzip', '\x1f\x8b', 'gunzip'],
      ['bzip2', 'BZh', 'bunzip2'],
      ['xz', '\xfd7zXZ\0', 'unxz'],
      ['lz4', '\x04"M\x18', 'unlz4'],
      ['zstd', '\x28\xb5\x2f\xfd', 'unzstd'],
    ] as const
  ).map(([name, magic, program]) => ({
    what: `compressed as a whole, by ${name}`,
    hint: `Decompress it first (${program}). If SQL comes of it, that is for psql.`,
    isIt: (beginning: string) => beginning.startsWith(magic),
  })),
];

/** @throws HyperferryError `ARCHIVE` for a file that begins as none of the custom or the directory format does */
export function refuseOtherFormats(path: string, bytes: Buffer): void {
  const beginning = bytes.toString('latin1');
  // One that was cut off at once is a damaged archive.
  if (beginning.startsWith(MAGIC) || MAGIC.startsWith(beginning)) return;
  const other = OTHERS.find(({ isIt }) => isIt(beginning));
  throw notAnArchive(
    path,
    other?.what ?? `none: it does not begin with ${MAGIC}`,
    other?.hint ?? 'Name the file that pg_dump -Fc has written, or the folder of pg_dump -Fd.',
  );
}

/** An archive is read at several places, by several workers, which a pipe does not allow. */
export function refuseOtherThanFile(path: string, found: Stats): void {
  if (found.isFile()) return;
  throw notAnArchive(
    path,
    found.isFIFO() ? 'a pipe' : 'neither a file nor a folder',
    'Write the archive to a file, and name that.',
  );
}

function notAnArchive(path: string, what: string, hint: string): HyperferryError {
  return new HyperferryError(
    'ARCHIVE',
    `expected an archive of pg_dump -Fd or -Fc in ${path}, but it is ${what}`,
    {
      hint,
    },
  );
}
