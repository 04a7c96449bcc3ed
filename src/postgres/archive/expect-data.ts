import { open } from 'node:fs/promises';
import { failedOnFile, unreadableArchive } from './archive-error.js';
import { findFileOfFolder } from './folder-file.js';
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
  for (const entry of archive.entries) {
    if (entry.kind === 'BLOBS') {
      for await (const { place } of findLargeObjects(archive, entry)) {
        findFileOfFolder(archive.path, String(place));
      }
    } else if (entry.data.at === 'file') findFileOfFolder(archive.path, entry.data.name);
  }
}

/**
 * The data of each entry end with the integer 0, and behind the last comes nothing.
 * Source: _EndData() and _EndLOs() in PostgreSQL's src/bin/pg_dump/pg_backup_custom.c.
 */
async function expectEnd({ path, entries }: Archive, { integerBytes }: Blocks): Promise<void> {
  const file = await open(path).catch((error: unknown) => {
    throw failedOnFile('read', path, error);
  });
  try {
    const { size } = await file.stat();
    const end = Buffer.alloc(1 + integerBytes);
    await file.read(end, 0, end.length, size - end.length);
    const isBeyond = entries.some(({ data }) => data.at === 'position' && data.position >= size);
    if (isBeyond || end.some((byte) => byte !== 0)) {
      throw unreadableArchive(path, `it ends at byte ${size}, before its data do`);
    }
  } catch (error) {
    throw failedOnFile('read', path, error);
  } finally {
    await file.close();
  }
}
