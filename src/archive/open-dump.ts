import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { fromJson } from '../inventory/json.js';
import { failedOnFile } from '../postgres/archive/archive-error.js';
import { type Archive, openArchive } from '../postgres/archive/open-archive.js';
import { HyperferryError } from '../postgres/error.js';
import { type DumpRecord, RECORD_FILE } from './dump-record.js';
import { fileOnDisk } from './file-on-disk.js';
import { type Manifest, type ManifestFile, readManifest } from './manifest.js';

/** A dump that Hyperferry made, on this machine. */
export interface OpenDump {
  readonly path: string;
  readonly manifest: Manifest;
  readonly archive: Archive;
  readonly record: DumpRecord;
}

export const MANIFEST_FILE = 'manifest.json';

/** What is read as a whole before anything else is done. */
const READ_FIRST = new Set(['toc.dat', RECORD_FILE]);

/**
 * Opens a dump: all of its files must be there, and as large as they were written.
 *
 * @param checksFiles whether the SHA-256 of each is compared as well
 * @throws HyperferryError `ARCHIVE` that names what is missing or damaged
 */
export async function openDump(from: string, checksFiles = false): Promise<OpenDump> {
  const path = resolve(from);
  const manifest = await openManifest(path);
  if (manifest.kind === 'plain') {
    throw new HyperferryError('ARCHIVE', `expected an archive in ${path}, but the dump is of plain SQL`, {
      hint: `Restore it with psql, as ${join(path, 'README.txt')} says.`,
    });
  }
  await expectFiles(path, manifest.files, (name) => checksFiles || READ_FIRST.has(name));
  const record = await promisify(gunzip)(await readBytes(join(path, RECORD_FILE)));
  return {
    path,
    manifest,
    archive: await openArchive(path),
    record: fromJson<DumpRecord>(record.toString('utf8')),
  };
}

/** @throws HyperferryError `ARCHIVE` for a folder without a manifest */
export async function openManifest(path: string): Promise<Manifest> {
  const file = join(path, MANIFEST_FILE);
  return readManifest((await readBytes(file)).toString('utf8'), file);
}

/** @param isHashed whether a file's checksum is compared */
export async function expectFiles(
  path: string,
  files: readonly ManifestFile[],
  isHashed: (name: string) => boolean,
): Promise<void> {
  const wrong: string[] = [];
  for (const file of files) {
    const found = await differenceOf(path, file, isHashed(file.name));
    if (found) wrong.push(`${file.name} ${found}`);
  }
  const [first] = wrong;
  if (!first) return;
  const more = wrong.length > 10 ? `, and ${wrong.length - 10} more` : '';
  throw new HyperferryError(
    'ARCHIVE',
    `expected the files of ${path} as they were written, but ${wrong.slice(0, 10).join(', ')}${more}`,
    { hint: 'Copy the dump again from where it was made.', isFinal: true },
  );
}

/** @returns what is wrong with a file, for people */
async function differenceOf(
  path: string,
  { name, bytes, sha256 }: ManifestFile,
  isHashed: boolean,
): Promise<string | undefined> {
  try {
    const { size } = await stat(join(path, name));
    if (size !== bytes) return `has ${size} bytes instead of ${bytes}`;
    if (!isHashed) return undefined;
    const { sha256: found } = await fileOnDisk(path, name);
    return found === sha256 ? undefined : 'has another content (SHA-256)';
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'is missing';
    throw failedOnFile('read', join(path, name), error);
  }
}

async function readBytes(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw failedOnFile('read', path, error);
  }
}
