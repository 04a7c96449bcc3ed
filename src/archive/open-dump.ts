import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { reopenDump } from '../migrate/work/opened-dump.js';
import { failedOnFile } from '../postgres/archive/archive-error.js';
import type { Archive } from '../postgres/archive/open-archive.js';
import { HyperferryError } from '../postgres/error.js';
import { quoteForShell } from '../postgres/quoting.js';
import { compareFiles, describeDifference } from './compare-files.js';
import { dumpPath } from './dump-path.js';
import type { DumpRecord } from './dump-record.js';
import { kindOfDump } from './kind-of-dump.js';
import { MANIFEST_FILE, type Manifest, type ManifestFile, readManifest } from './manifest.js';
import { OBJECTS_FILE } from './objects-file.js';
import { RECORD_FILE, readRecord } from './record-file.js';

/** A dump that Hyperferry made, on this machine. */
export interface OpenDump {
  readonly path: string;
  readonly manifest: Manifest;
  readonly archive: Archive;
  readonly record: DumpRecord;
}

/** What says what all else must be. */
const READ_FIRST = new Set(['toc.dat', RECORD_FILE, OBJECTS_FILE]);

/**
 * Opens a dump: all of its files must be there, and as large as they were written.
 *
 * @param checksFiles whether the SHA-256 of each is compared as well
 * @throws HyperferryError `ARCHIVE` that names what is missing or damaged
 */
export async function openDump(from: string, checksFiles = false): Promise<OpenDump> {
  const path = dumpPath(from);
  const manifest = await openManifest(path);
  if (manifest.kind === 'plain') {
    throw new HyperferryError('ARCHIVE', `expected an archive in ${path}, but the dump is of plain SQL`, {
      hint: `Restore it with psql, as ${join(path, 'README.txt')} says.`,
    });
  }
  await expectFiles(path, manifest.files, (name) => checksFiles || READ_FIRST.has(name));
  return {
    path,
    manifest,
    archive: (await reopenDump(path)).archive,
    record: await readRecord(path),
  };
}

/** @throws HyperferryError `ARCHIVE` for what has no manifest */
export async function openManifest(path: string): Promise<Manifest> {
  if ((await kindOfDump(path)) === 'pg_dump') {
    throw new HyperferryError(
      'ARCHIVE',
      `expected ${MANIFEST_FILE} in ${path}, but it is an archive of pg_dump, which has none`,
      { hint: 'Only dumps that hyperferry dump has made say what their files and rows must be.' },
    );
  }
  const file = join(path, MANIFEST_FILE);
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw failedOnFile('read', file, error);
  });
  return readManifest(text, file);
}

/** @param isHashed whether a file's checksum is compared */
export async function expectFiles(
  path: string,
  files: readonly ManifestFile[],
  isHashed: (name: string) => boolean,
): Promise<void> {
  const { different } = await compareFiles(path, files, { isHashed });
  if (different.length === 0) return;
  const wrong = different.slice(0, 10).map((one) => `${one.name} ${describeDifference(one)}`);
  const more = different.length > 10 ? `, and ${different.length - 10} more` : '';
  throw new HyperferryError(
    'ARCHIVE',
    `expected the files of ${path} as they were written, but ${wrong.join(', ')}${more}`,
    {
      hint: `Copy the dump again from where it was made. All that is wrong: hyperferry inspect ${quoteForShell(path)} --verify`,
    },
  );
}
