import { open } from 'node:fs/promises';
import { HyperferryError } from '../error.js';
import { failedOnFile, unreadableArchive } from './archive-error.js';
import { BlockReader } from './block-reader.js';
import { type FolderFile, findFileOfFolder } from './folder-file.js';
import { findLargeObjects } from './large-objects.js';
import type { Archive, Blocks } from './open-archive.js';

/**
 * Expects the data of all entries to be there, as far as that shows without reading them: before anything is made of any.
 * @throws HyperferryError `ARCHIVE` that names what is missing
 */
export async function expectData(archive: Archive): Promise<void> {
  if (archive.blocks) {
    if (archive.entries.some(({ data }) => data.at !== 'nowhere')) await expectEnd(archive, archive.blocks);
    return;
  }
  for await (const _ of filesOf(archive));
}

/**
 * The files of the data of an archive that is a folder.
 * @throws HyperferryError `ARCHIVE` that names one that is missing
 */
export async function* filesOf(archive: Archive): AsyncGenerator<FolderFile> {
  for (const entry of archive.entries) {
    if (entry.kind === 'BLOBS') {
      for await (const { place } of findLargeObjects(archive, entry)) {
        yield findFileOfFolder(archive.path, String(place));
      }
    } else if (entry.data.at === 'file') yield findFileOfFolder(archive.path, entry.data.name);
  }
}

/**
 * The data of each entry end with the integer 0, and behind the last comes nothing.
 * Source: _EndData() and _EndLOs() in PostgreSQL's src/bin/pg_dump/pg_backup_custom.c.
 */
async function expectEnd({ path, entries }: Archive, { integerBytes }: Blocks): Promise<void> {
  const last = entries.reduce(
    (most, { data }) => (data.at === 'position' ? Math.max(most, data.position) : most),
    0,
  );
  const file = await open(path).catch((error: unknown) => {
    throw failedOnFile('read', path, error);
  });
  try {
    const { size } = await file.stat();
    const end = Buffer.alloc(1 + integerBytes);
    await file.read(end, 0, end.length, size - end.length);
    if (last < size && end.every((byte) => byte === 0)) return;
    const endOfData = last > 0 ? await findEndOfData(path, integerBytes, last) : undefined;
    throw unreadableArchive(
      path,
      endOfData !== undefined && endOfData < size
        ? `its data end at byte ${endOfData}, and something else stands behind them, up to byte ${size}`
        : `it ends at byte ${size}, before its data do`,
    );
  } catch (error) {
    throw failedOnFile('read', path, error);
  } finally {
    await file.close();
  }
}

/** @returns undefined where the file ends before */
async function findEndOfData(path: string, integerBytes: number, last: number): Promise<number | undefined> {
  const reader = await BlockReader.open(path, integerBytes, last);
  try {
    const header = await reader.header();
    if (header === undefined) return undefined;
    await reader.skipEntry(header.kind);
    return reader.position;
  } catch (error) {
    if (error instanceof HyperferryError) return undefined;
    throw error;
  } finally {
    await reader.close();
  }
}
