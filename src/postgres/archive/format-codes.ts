import type { ArchiveHeader, ArchiveVersion, CompressionAlgorithm } from './archive-header.js';
import type { TocEntry } from './toc-entry.js';

// The numbers that stand for things in archives. Sources: PostgreSQL's src/bin/pg_dump/pg_backup_archiver.h and
// pg_backup.h, src/include/common/compression.h.

export const MAGIC = 'PGDMP';

/** `K_VERS_1_14` to `K_VERS_1_16`, from the version's second number. The first is 1 in all. */
export const VERSIONS: Readonly<Record<number, ArchiveVersion>> = { 14: '1.14', 15: '1.15', 16: '1.16' };

/** Before, a level stood there: 0 for none, else gzip's. */
export const FIRST_VERSION_WITH_ALGORITHM = 15;
export const FIRST_VERSION_WITH_RELATION_KIND = 16;

/** `archCustom`, and `archTar`, which pg_backup_directory.c writes since tar archives have the same toc.dat. */
export const FORMATS: Readonly<Record<number, ArchiveHeader['format']>> = { 1: 'custom', 3: 'directory' };

export const ALGORITHMS: readonly CompressionAlgorithm[] = ['none', 'gzip', 'lz4', 'zstd'];

export const SECTIONS: Readonly<Record<number, TocEntry['section']>> = {
  1: 'none',
  2: 'pre-data',
  3: 'data',
  4: 'post-data',
};

/** `K_OFFSET_*`: what is known about where data stand in a custom-format archive. */
export const OFFSET = { unknown: 1, known: 2, nowhere: 3 } as const;

/** `BLK_DATA` and `BLK_BLOBS`: what begins at a position in a custom-format archive. */
export const BLOCKS = { rows: 1, largeObjects: 3 } as const;
