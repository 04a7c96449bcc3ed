import { readdir, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { failedOnFile } from '../postgres/archive/archive-error.js';
import { HyperferryError } from '../postgres/error.js';
import { quoteForShell } from '../postgres/quoting.js';
import { MANIFEST_FILE } from './manifest.js';
import { OBJECTS_FILE } from './objects-file.js';
import { RECORD_FILE } from './record-file.js';

/** Who made what is in a place: Hyperferry, with a manifest, or `pg_dump`. */
export type DumpKind = 'hyperferry' | 'pg_dump';

/**
 * Tells dumps apart by what is in the folder; a file is taken for one of `pg_dump -Fc`.
 * @throws HyperferryError `ARCHIVE` for a place where there is none
 */
export async function kindOfDump(path: string): Promise<DumpKind> {
  const names = await namesIn(path);
  if (names === undefined && (basename(path) === MANIFEST_FILE || TOC_FILE.test(basename(path)))) {
    throw new HyperferryError('ARCHIVE', `expected the folder of a dump, but ${path} is a file in one`, {
      hint: `Name the folder: ${quoteForShell(dirname(path))}`,
    });
  }
  if (names === undefined) return 'pg_dump';
  if (names.includes(MANIFEST_FILE)) return 'hyperferry';
  if (/^\..*\.partial$/.test(basename(path))) {
    throw new HyperferryError('ARCHIVE', `expected a complete dump, but the one in ${path} did not end`, {
      hint: `If no dump is at work there, remove it (rm -r ${quoteForShell(path)}), and dump again.`,
    });
  }
  // Its table of contents would be taken for one of pg_dump, and roles and comparison be missed by nobody.
  if (names.includes(OBJECTS_FILE) || names.includes(RECORD_FILE)) {
    throw new HyperferryError(
      'ARCHIVE',
      `expected ${MANIFEST_FILE} in ${path}, a folder of hyperferry dump: that dump did not end, or has lost it`,
      { hint: 'Copy the dump again from where it was made, or dump again.' },
    );
  }
  if (names.some((name) => TOC_FILE.test(name))) return 'pg_dump';
  throw new HyperferryError(
    'ARCHIVE',
    `expected a dump in ${path}, but it has neither ${MANIFEST_FILE} (hyperferry dump) nor toc.dat (pg_dump -Fd)`,
    { hint: 'Name the folder that the dump made, not the one above it.' },
  );
}

/** The table of contents of an archive in the directory format. */
const TOC_FILE = /^toc\.dat(\.gz|\.lz4|\.zst)?$/;

/** @returns undefined for a file */
async function namesIn(path: string): Promise<string[] | undefined> {
  try {
    return (await stat(path)).isDirectory() ? await readdir(path) : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw failedOnFile('read', path, error);
    throw new HyperferryError('ARCHIVE', `expected a dump in ${path}, but there is no such file or folder`, {
      hint: 'Name the folder of a dump: what --out of hyperferry dump was, or -f of pg_dump -Fd.',
    });
  }
}
