import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip, gzipSync, type ZlibOptions } from 'node:zlib';
import type { Compression, CompressionAlgorithm } from './archive-header.js';
import { CompressedFile, writeFileAtOnce } from './compressed-file.js';
import { GZIP_DEFAULT_LEVEL, GZIP_MEMORY_LEVEL, SUFFIXES } from './compression.js';
import { END_MARKER } from './end-marker.js';

export interface DataFileOptions {
  readonly folder: string;
  /** Without the suffix of the compression: `<dumpId>.dat`, or `blob_<oid>.dat`. */
  readonly name: string;
  /** Behind a table's rows comes the end marker. */
  readonly content: 'rows' | 'large-object';
  readonly compression: Compression;
}

/** A file as it lies on disk. */
export interface WrittenFile {
  readonly name: string;
  readonly bytes: number;
  /** In hexadecimal digits. */
  readonly sha256: string;
}

export interface DataFile {
  /**
   * Resolves when more may come. The bytes must stay as they are.
   * @throws HyperferryError `ARCHIVE` if the disk is full, or the like; the file is closed then, and stays as it is
   */
  write(bytes: Buffer): Promise<void>;
  /** Writes what is left. */
  close(): Promise<WrittenFile>;
  /** Closes and removes it. To be called, in place of close(), also after an error. */
  abandon(): Promise<void>;
}

/**
 * Begins the file of a table's rows or of a large object in the folder of an archive, in place of any that is there.
 * Nothing is opened before there is more than a little to write.
 */
export function createDataFile(options: DataFileOptions): DataFile {
  const { folder, compression } = options;
  const { algorithm } = compression;
  const mostAtOnce = algorithm === 'none' || algorithm === 'gzip' ? GATHERED : LEAST_FOR_PROGRAM;
  const name = nameOnDisk(options, algorithm);
  const path = join(folder, name);
  let gathered: Buffer[] = [];
  let gatheredBytes = 0;
  let file: CompressedFile | undefined;

  const gather = (bytes: Buffer): void => {
    gathered.push(bytes);
    gatheredBytes += bytes.length;
  };
  const takeGathered = (): Buffer => {
    const [first = Buffer.alloc(0)] = gathered;
    const bytes = gathered.length < 2 ? first : Buffer.concat(gathered);
    gathered = [];
    gatheredBytes = 0;
    return bytes;
  };
  return {
    async write(bytes) {
      gather(bytes);
      if (gatheredBytes <= (file ? GATHERED : mostAtOnce)) return;
      file ??= await CompressedFile.open(path, compression);
      await file.write(takeGathered());
    },
    async close() {
      if (options.content === 'rows') gather(END_MARKER);
      if (!file) return writeAtOnce(options, takeGathered());
      await file.write(takeGathered());
      return { name, ...(await file.close()) };
    },
    async abandon() {
      await file?.abandon();
      await rm(path, { force: true });
      await rm(join(folder, nameOnDisk(options, 'gzip')), { force: true });
    },
  };
}

/** Rows come in small pieces, and each turn of a compression costs as much as some thousand bytes of it. */
const GATHERED = 64 * 1024;

/**
 * Starting a program takes as long as gzip does for as much as this. Smaller content is compressed by gzip, which
 * pg_restore sees by the suffix, whatever the archive's header says (InitDiscoverCompressFileHandle() in PostgreSQL's
 * src/bin/pg_dump/compress_io.c). At gzip's fastest level, since who chose lz4 or zstd wants speed.
 */
const LEAST_FOR_PROGRAM = 512 * 1024;

const gzipInThread = promisify<Buffer, ZlibOptions, Buffer>(gzip);

async function writeAtOnce(options: DataFileOptions, content: Buffer): Promise<WrittenFile> {
  const { compression, folder } = options;
  const algorithm = compression.algorithm === 'none' ? 'none' : 'gzip';
  const name = nameOnDisk(options, algorithm);
  const bytes = algorithm === 'none' ? content : await gzipped(content, levelForSmall(compression));
  writeFileAtOnce(join(folder, name), bytes);
  return { name, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}

function levelForSmall({ algorithm, level = GZIP_DEFAULT_LEVEL }: Compression): number {
  return algorithm === 'gzip' ? level : 1;
}

/** To hand a small piece to a thread and back takes longer than to compress it. */
function gzipped(content: Buffer, level: number): Buffer | Promise<Buffer> {
  const options = { level, memLevel: GZIP_MEMORY_LEVEL };
  return content.length <= GATHERED ? gzipSync(content, options) : gzipInThread(content, options);
}

function nameOnDisk({ name }: DataFileOptions, algorithm: CompressionAlgorithm): string {
  return `${name}${SUFFIXES[algorithm]}`;
}
