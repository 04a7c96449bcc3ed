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

/**
 * Where gzip is asked for without a level. What was measured (Node.js 20, text of COPY in pieces of 4 MB; seconds, and bytes
 * against level 6, which is zlib's default and pg_dump's):
 *
 * | level | random numbers, 62 MB | text and documents, 50 MB | sensors, 39 MB |
 * | --- | --- | --- | --- |
 * | 6, memLevel 8 | 2.98 | 1.41 | 0.98 |
 * | 6, memLevel 9 | 2.61, 100.0 % | 1.30, 99.9 % | 0.90, 100.0 % |
 * | **5, memLevel 9** | 1.90, 100.4 % | 1.16, 102.3 % | 0.50, 104.0 % |
 * | 4, memLevel 8 | 1.18, 101.1 % | 1.05, 104.0 % | 0.28, 109.7 % |
 */
export const GZIP_DEFAULT_LEVEL = 5;

/** The most: 128 kB more memory for a file in hand (zlib's zconf.h). */
export const GZIP_MEMORY_LEVEL = constants.Z_MAX_MEMLEVEL;

/** zlib's own pieces of 16 kB cost a turn of the event loop each. */
const PIECE = 128 * 1024;

export function startCompression({ algorithm, level }: Compression): Conversion {
  switch (algorithm) {
    case 'none':
      return inProcess(new PassThrough({ highWaterMark: PIECE }));
    case 'gzip':
      return inProcess(
        createGzip({ level: level ?? GZIP_DEFAULT_LEVEL, memLevel: GZIP_MEMORY_LEVEL, chunkSize: PIECE }),
      );
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
