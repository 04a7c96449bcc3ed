import { Readable } from 'node:stream';
import { unreadableArchive } from './archive-error.js';
import { BlockReader } from './block-reader.js';
import { decompress } from './decompress.js';
import { findFileOfFolder, readContent, readFileOfFolder } from './folder-file.js';
import type { Archive, Blocks } from './open-archive.js';
import { expectHeader, positionOf, withoutData } from './table-data.js';
import type { TocEntry } from './toc-entry.js';

export interface LargeObjectContent {
  readonly oid: number;
  /** To be read, or destroyed, before the next one is asked for. */
  readonly content: Readable;
}

/** Large enough that a turn of the event loop moves some of a large object. */
const BUFFERED = 256 * 1024;

/**
 * The large objects whose content belongs to an entry of the kind `BLOBS`, one after the other. Up to format 1.15 an
 * archive has one such entry, from 1.16 on each holds up to a thousand.
 *
 * @throws HyperferryError `ARCHIVE`, here or as a content's error, that names the file and what is wrong
 */
export async function* readLargeObjects(
  archive: Archive,
  entry: TocEntry,
): AsyncGenerator<LargeObjectContent> {
  const objects = archive.blocks
    ? largeObjectsOfBlocks(archive, archive.blocks, entry)
    : largeObjectsOfFolder(archive, entry);
  for await (const { oid, bytes } of objects) {
    const content = Readable.from(bytes, { objectMode: false, highWaterMark: BUFFERED });
    // Who reads it gets its error; who does not, has no use for it.
    content.on('error', () => {});
    try {
      yield { oid, content };
    } finally {
      content.destroy();
      if (!content.closed) await new Promise((resolve) => content.once('close', resolve));
    }
  }
}

interface LargeObjectBytes {
  readonly oid: number;
  readonly bytes: AsyncGenerator<Buffer>;
}

/** Source: _LoadLOs() in PostgreSQL's src/bin/pg_dump/pg_backup_custom.c. */
async function* largeObjectsOfBlocks(
  archive: Archive,
  blocks: Blocks,
  entry: TocEntry,
): AsyncGenerator<LargeObjectBytes> {
  const { path, header } = archive;
  const { algorithm } = header.compression;
  const reader = await BlockReader.open(path, blocks.integerBytes, await positionOf(archive, blocks, entry));
  try {
    await expectHeader(reader, { kind: 'large-objects', dumpId: entry.dumpId });
    for (let oid = await reader.largeObject(); oid !== undefined; oid = await reader.largeObject()) {
      yield { oid, bytes: decompress({ path, algorithm, place: 'blocks', bytes: reader.data() }) };
      await reader.skipData();
    }
  } finally {
    await reader.close();
  }
}

/** Source: _LoadLOs() in PostgreSQL's src/bin/pg_dump/pg_backup_directory.c. */
async function* largeObjectsOfFolder(archive: Archive, entry: TocEntry): AsyncGenerator<LargeObjectBytes> {
  if (entry.data.at !== 'file') throw withoutData(archive, entry);
  // Before format 1.16 the entry does not name the file that pg_dump wrote.
  const name = archive.header.version === '1.16' ? entry.data.name : 'blobs.toc';
  const list = await readFileOfFolder(archive.path, name);
  for (const line of list.bytes.toString('utf8').split('\n')) {
    if (line === '') continue;
    const [, oid, file] = /^(\d+) (\S+)$/.exec(line) ?? [];
    if (oid === undefined || file === undefined) {
      throw unreadableArchive(
        list.path,
        `expected lines of an OID and the name of a file, found ${JSON.stringify(line)}`,
      );
    }
    yield { oid: Number(oid), bytes: readContent(findFileOfFolder(archive.path, file)) };
  }
}
