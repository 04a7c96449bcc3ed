import { unreadableArchive } from './archive-error.js';
import { BlockReader } from './block-reader.js';
import { decompress } from './decompress.js';
import { withoutEndMarker } from './end-marker.js';
import { findFileOfFolder, readContent } from './folder-file.js';
import type { Archive, Blocks } from './open-archive.js';
import type { TocEntry } from './toc-entry.js';

/**
 * The data of a table: for an entry with a COPY statement the rows in COPY's text format, without the end marker that
 * stands behind them in the archive; for others, of `pg_dump --inserts`, SQL. Nothing is read before it is asked for,
 * and nothing stays open once the generator has ended, or was ended by `return()`.
 *
 * @throws HyperferryError `ARCHIVE`, here or while it is read, that names the file and what is wrong
 */
export async function openTableData(archive: Archive, entry: TocEntry): Promise<AsyncGenerator<Buffer>> {
  const { path, bytes } = await contentOf(archive, entry);
  return entry.copyStatement === undefined ? bytes : withoutEndMarker(path, bytes);
}

async function contentOf(
  archive: Archive,
  entry: TocEntry,
): Promise<{ path: string; bytes: AsyncGenerator<Buffer> }> {
  if (archive.blocks) {
    const position = await positionOf(archive, archive.blocks, entry);
    const begin = (reader: BlockReader) => expectHeader(reader, { kind: 'rows', dumpId: entry.dumpId });
    return { path: archive.path, bytes: contentOfBlocks(archive, archive.blocks, position, begin) };
  }
  if (entry.data.at !== 'file') throw withoutData(archive, entry);
  const file = findFileOfFolder(archive.path, entry.data.name);
  return { path: file.path, bytes: readContent(file) };
}

export async function positionOf(archive: Archive, blocks: Blocks, entry: TocEntry): Promise<number> {
  if (entry.data.at === 'position') return entry.data.position;
  if (entry.data.at !== 'unknown-position') throw withoutData(archive, entry);
  const position = (await blocks.findAll()).get(entry.dumpId);
  if (position === undefined) throw withoutData(archive, entry);
  return position;
}

export function withoutData({ path }: Archive, { dumpId, kind, schema, tag }: TocEntry): Error {
  const name = schema === undefined ? tag : `${schema}.${tag}`;
  return unreadableArchive(path, `it has no data of entry ${dumpId}, ${kind} ${name}`);
}

/** @param begin reads on to where the data begin */
export async function* contentOfBlocks(
  { path, header }: Archive,
  { integerBytes }: Blocks,
  position: number,
  begin: (reader: BlockReader) => Promise<void>,
): AsyncGenerator<Buffer> {
  const reader = await BlockReader.open(path, integerBytes, position);
  try {
    await begin(reader);
    yield* decompress({
      path,
      algorithm: header.compression.algorithm,
      place: 'blocks',
      bytes: reader.data(),
    });
  } finally {
    await reader.close();
  }
}

export async function expectHeader(
  reader: BlockReader,
  expected: { kind: 'rows' | 'large-objects'; dumpId: number },
): Promise<void> {
  const { path, position } = reader;
  const found = await reader.header();
  if (found?.kind === expected.kind && found.dumpId === expected.dumpId) return;
  throw unreadableArchive(
    path,
    `expected the ${expected.kind} of entry ${expected.dumpId} at byte ${position}, found ${
      found ? `the ${found.kind} of entry ${found.dumpId}` : 'its end'
    }`,
  );
}
