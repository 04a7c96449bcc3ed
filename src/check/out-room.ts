import { statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Compression } from '../postgres/archive/archive-header.js';
import type { Session } from '../postgres/session.js';
import type { Check, DumpChecked, DumpInto, Finding } from './finding.js';

/** The free space where a dump is made, against what its source holds: a disk that is full after hours ends all of it. */
export const outRoom: Check<DumpChecked & { readonly into: DumpInto }> = async ({ source, into }) => {
  const free = await freeBytes(dirname(resolve(into.out)));
  if (free === undefined) return [];
  const rows = source.inventory.relations.reduce((sum, { bytes }) => sum + bytes, 0);
  return roomOfDump(rows + (await readLargeObjectBytes(source.session)), free, into);
};

/** Large objects are rows of this table, whose size everybody may read. */
async function readLargeObjectBytes(session: Session): Promise<number> {
  const { bytes } = await session.one<{ bytes: string }>(
    "SELECT pg_catalog.pg_table_size('pg_catalog.pg_largeobject') AS bytes",
  );
  return Number(bytes);
}

/** @returns undefined where the file system does not tell: some have no end of their own */
async function freeBytes(folder: string): Promise<number | undefined> {
  try {
    const { bavail, blocks, bsize } = await statfs(folder);
    return blocks === 0 ? undefined : bavail * bsize;
  } catch {
    return undefined; // where it cannot be written either, the dump says so by itself
  }
}

/**
 * What is left of the bytes of a table at best. Compression brings rows to a tenth where they repeat themselves. Without,
 * a row's text may still be shorter than the row with its header, and a table may be bloated.
 */
const LEAST_SHARE = { compressed: 0.1, uncompressed: 0.25 };

/**
 * Nobody knows how well rows compress, nor how long their text is. So only what could not fit by far is a blocker.
 * @param bytes of the tables on the source's disk, without indexes
 */
export function roomOfDump(
  bytes: number,
  free: number,
  { format, compression }: Pick<DumpInto, 'format' | 'compression'>,
): Finding[] {
  // dump.sql is made of an uncompressed archive, which stays until it is complete.
  const copies = format === 'plain' ? 2 : 1;
  const usual = bytes * copies;
  const least = usual * LEAST_SHARE[compression.algorithm === 'none' ? 'uncompressed' : 'compressed'];
  if (free >= usual) return [];
  const twice = copies === 2 ? ', and a plain dump is written twice: as an archive and as dump.sql' : '';
  return [
    {
      id: 'out-disk',
      severity: free < least ? 'blocker' : 'warning',
      code: 'ROOM',
      found:
        free < least
          ? `expected at least ${megabytes(least)} free for --out, but ${megabytes(free)} are: the tables take ${megabytes(bytes)}${twice}`
          : `${megabytes(free)} are free for --out, and the tables take ${megabytes(bytes)}${twice}`,
      objects: [],
      why: 'A full disk ends the dump in the middle, and what is written is removed.',
      mend: `Free space there, or name a folder on a larger disk as --out${mendByLess(format, compression)}.`,
    },
  ];
}

function mendByLess(format: DumpInto['format'], { algorithm }: Compression): string {
  if (format === 'plain') return '; or dump with --format archive, which compresses';
  return algorithm === 'none' ? '; or compress the rows: --compress gzip' : '';
}

/** In the units of PostgreSQL's settings, where 1 MB is 1,048,576 bytes. */
function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1024 ** 2)} MB`;
}
