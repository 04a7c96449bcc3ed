import { open } from 'node:fs/promises';

/** Resolves when what was written to a file is on the disk. */
export async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Of a folder that may not be opened, and of one whose file system does not sync folders. */
const BESIDE_THE_POINT = new Set(['EACCES', 'EISDIR', 'EBADF', 'EINVAL']);

/**
 * Resolves when the names in a folder are on the disk, as far as that can be asked for: PostgreSQL does not mind either where
 * it cannot (`fsync_fname()` in its src/common/file_utils.c).
 */
export async function syncFolder(path: string): Promise<void> {
  try {
    await syncFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined || !BESIDE_THE_POINT.has(code)) throw error;
  }
}
