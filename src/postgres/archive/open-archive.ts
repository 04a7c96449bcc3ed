import { type FileHandle, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { quoteForShell } from '../quoting.js';
import { failedOnFile, unreadableArchive } from './archive-error.js';
import type { ArchiveHeader } from './archive-header.js';
import { type ArchiveToc, parseArchiveToc } from './archive-toc.js';
import { BlockReader } from './block-reader.js';
import { readFileOfFolder } from './folder-file.js';
import { FORMAT_BYTES, refuseOtherFormats, refuseOtherThanFile } from './other-formats.js';
import type { TocEntry } from './toc-entry.js';

/** An archive on disk: what it holds, and what is needed to find the data. Nothing of it stays open. */
export interface Archive {
  /** The file of the custom format, or the folder of the directory format. */
  readonly path: string;
  readonly header: ArchiveHeader;
  readonly entries: readonly TocEntry[];
  /** Of a custom-format archive alone. */
  readonly blocks: Blocks | undefined;
}

export interface Blocks {
  readonly integerBytes: number;
  /** Where each entry's data begin, by its dump id, found by looking through the file; done once. */
  findAll(): Promise<ReadonlyMap<number, number>>;
}

/**
 * Reads the table of contents of an archive of `pg_dump`, in the custom or the directory format.
 *
 * @param path the file or the folder
 * @throws HyperferryError `ARCHIVE` for what is no such archive, or one of another format version
 */
export async function openArchive(path: string): Promise<Archive> {
  const found = await stat(path).catch((error: unknown) => {
    throw failedOnFile('read', path, error);
  });
  if (found.isDirectory()) {
    const toc = await readFileOfFolder(path, 'toc.dat');
    const { header, entries } = wholeToc(toc.path, toc.bytes);
    return { path, header: { ...header, format: 'directory' }, entries, blocks: undefined };
  }
  refuseOtherThanFile(path, found);
  const toc = await readTocOfFile(path, found.size);
  if (toc.header.format !== 'custom') {
    throw unreadableArchive(
      path,
      "it is one file of an archive in the directory format; expected that archive's folder",
      { hint: `Name the folder: ${quoteForShell(dirname(path))}` },
    );
  }
  return { path, header: toc.header, entries: toc.entries, blocks: blocksOf(path, toc) };
}

function wholeToc(path: string, bytes: Buffer): ArchiveToc {
  const read = parseArchiveToc(bytes, (reason, hint) => unreadableArchive(path, reason, { hint }));
  if (read.state === 'incomplete')
    throw unreadableArchive(path, 'it ends in the middle of its table of contents');
  return read.toc;
}

const FIRST_READ = 1024 * 1024;
/** Some hundred thousand tables. More is a length that is damaged. */
const LONGEST_TOC = 1024 ** 3;

/** Its length does not stand in the file, so more of it is read until it is whole. */
async function readTocOfFile(path: string, size: number): Promise<ArchiveToc> {
  const file = await open(path).catch((error: unknown) => {
    throw failedOnFile('read', path, error);
  });
  try {
    refuseOtherFormats(path, await readBeginning(file, path, FORMAT_BYTES));
    for (let length = FIRST_READ; length < Math.min(size, LONGEST_TOC); length *= 4) {
      const read = parseArchiveToc(await readBeginning(file, path, length), (reason, hint) =>
        unreadableArchive(path, reason, { hint }),
      );
      if (read.state === 'whole') return read.toc;
    }
    return wholeToc(path, await readBeginning(file, path, Math.min(size, LONGEST_TOC)));
  } finally {
    await file.close();
  }
}

async function readBeginning(file: FileHandle, path: string, length: number): Promise<Buffer> {
  try {
    const buffer = Buffer.allocUnsafe(length);
    const { bytesRead } = await file.read(buffer, 0, length, 0);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    throw failedOnFile('read', path, error);
  }
}

function blocksOf(path: string, { end, integerBytes }: ArchiveToc): Blocks {
  let all: Promise<ReadonlyMap<number, number>> | undefined;
  return {
    integerBytes,
    findAll() {
      all ??= findBlocks(path, integerBytes, end);
      return all;
    },
  };
}

/** pg_dump notes the positions at its end, which it cannot do in what it has written to a pipe. */
async function findBlocks(
  path: string,
  integerBytes: number,
  begin: number,
): Promise<ReadonlyMap<number, number>> {
  const positions = new Map<number, number>();
  const reader = await BlockReader.open(path, integerBytes, begin);
  try {
    for (;;) {
      const position = reader.position;
      const header = await reader.header();
      if (header === undefined) return positions;
      positions.set(header.dumpId, position);
      await reader.skipEntry(header.kind);
    }
  } finally {
    await reader.close();
  }
}
