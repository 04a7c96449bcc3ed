import { PassThrough } from 'node:stream';
import { constants, createGunzip, createGzip, createInflate } from 'node:zlib';
import type { Compression, CompressionAlgorithm } from './archive-header.js';
import { startCompressionProgram } from './compression-program.js';
import type { Conversion } from './conversion.js';

/** The endings of compressed files. Source: PostgreSQL's src/bin/pg_dump/compress_*.c. */
export const SUFFIXES: Readonly<Record<CompressionAlgorithm, string>> = {
  none: '',
  gzip: '.gz',
  lz4: '.lz4',
  zstd: '.zst',
};

export const GZIP_DEFAULT_LEVEL = constants.Z_DEFAULT_COMPRESSION;

/** zlib's own pieces of 16 kB cost a turn of the event loop each. */
const PIECE = 128 * 1024;

export function startCompression({ algorithm, level }: Compression): Conversion {
  switch (algorithm) {
    case 'none':
      return inProcess(new PassThrough({ highWaterMark: PIECE }));
    case 'gzip':
      return inProcess(createGzip({ level: level ?? GZIP_DEFAULT_LEVEL, chunkSize: PIECE }));
    default:
      return startCompressionProgram(algorithm, { compress: true, level });
  }
}

/** @param place a file of the directory format, or blocks of the custom format, where gzip's header is left out */
export function startDecompression(algorithm: CompressionAlgorithm, place: 'file' | 'blocks'): Conversion {
  switch (algorithm) {
    case 'none':
      return inProcess(new PassThrough({ highWaterMark: PIECE }));
    case 'gzip':
      return inProcess((place === 'file' ? createGunzip : createInflate)({ chunkSize: PIECE }));
    default:
      return startCompressionProgram(algorithm, { compress: false });
  }
}

function inProcess(stream: PassThrough | ReturnType<typeof createGzip>): Conversion {
  return {
    input: stream,
    output: stream,
    // Its errors come with the output.
    finished: () => Promise.resolve(),
    stop: () => stream.destroy(),
  };
}
