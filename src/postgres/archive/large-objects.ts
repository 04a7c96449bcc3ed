import { unreadableArchive } from './archive-error.js';
import { BlockReader } from './block-reader.js';
import { findFileOfFolder, readContent, readFileOfFolder } from './folder-file.js';
import type { Archive, Blocks } from './open-archive.js';
import { contentOfBlocks, expectHeader, positionOf, withoutData } from './table-data.js';
import type { TocEntry } from './toc-entry.js';

/** Where a large object is: the name of its file in the folder, or the position in the file that is the archive. */
export interface LargeObjectPlace {
  readonly oid: number;
  readonly place: string | number;
}

/**
 * The large objects that belong to an entry of the kind `BLOBS`. Up to format 1.15 an archive has one such entry, from
 * 1.16 on each holds up to a thousand.
 *
 * @throws HyperferryError `ARCHIVE` that names the file and what is wrong
 */
export function findLargeObjects(archive: Archive, entry: TocEntry): AsyncGenerator<LargeObjectPlace> {
  return archive.blocks ? findInBlocks(archive, archive.blocks, entry) : findInFolder(archive, entry);
}

/**
 * The content of a large object.
 *
 * @throws HyperferryError `ARCHIVE`, here or while it is read, that names the file and what is wrong
 */
export function readLargeObject(archive: Archive, { oid, place }: LargeObjectPlace): AsyncGenerator<Buffer> {
  const { path, blocks } = archive;
  if (typeof place === 'string' || !blocks) return readContent(findFileOfFolder(path, String(place)));
  return contentOfBlocks(archive, blocks, place, async (reader) => {
    const found = await reader.largeObject();
    if (found === oid) return;
    throw unreadableArchive(
      path,
      `expected large object ${oid} at byte ${place}, found ${found ?? 'the last'}`,
    );
  });
}

/** Source: _LoadLOs() in PostgreSQL's src/bin/pg_dump/pg_backup_custom.c. */
async function* findInBlocks(
  archive: Archive,
  blocks: Blocks,
  entry: TocEntry,
): AsyncGenerator<LargeObjectPlace> {
  const position = await positionOf(archive, blocks, entry);
  const reader = await BlockReader.open(archive.path, blocks.integerBytes, position);
  try {
    await expectHeader(reader, { kind: 'large-objects', dumpId: entry.dumpId });
    for (;;) {
      const place = reader.position;
      const oid = await reader.largeObject();
      if (oid === undefined) return;
      yield { oid, place };
      await reader.skipData();
    }
  } finally {
    await reader.close();
  }
}

/** Source: _LoadLOs() in PostgreSQL's src/bin/pg_dump/pg_backup_directory.c. */
async function* findInFolder(archive: Archive, entry: TocEntry): AsyncGenerator<LargeObjectPlace> {
  if (entry.data.at !== 'file') throw withoutData(archive, entry);
  // Before format 1.16 the entry does not name the file that pg_dump wrote.
  const name = archive.header.version === '1.16' ? entry.data.name : 'blobs.toc';
  const list = await readFileOfFolder(archive.path, name);
  for (const line of list.bytes.toString('utf8').split('\n')) {
    if (line === '') continue;
    const [, oid, place] = /^(\d+) (\S+)$/.exec(line) ?? [];
    if (oid === undefined || place === undefined) {
      throw unreadableArchive(
        list.path,
        `expected lines of an OID and the name of a file, found ${JSON.stringify(line)}`,
      );
    }
    yield { oid: Number(oid), place };
  }
}
