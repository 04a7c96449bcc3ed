import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/**
 * Makes a folder that is there whole or not at all: it is filled beside its place and renamed into it. What an
 * interrupted attempt left is removed first, so the caller must hold a lock on the folder's name.
 */
export async function makeWhole(folder: string, fill: (unfinished: string) => Promise<void>): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await removeLeftovers(folder);
  const unfinished = `${folder}${UNFINISHED}`;
  // Closed to others until it is filled: unpacking as root can bring setuid programs along.
  await mkdir(unfinished, { mode: 0o700 });
  try {
    await fill(unfinished);
    await rename(unfinished, folder);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    throw error;
  }
}

const UNFINISHED = '.unfinished';

async function removeLeftovers(folder: string): Promise<void> {
  const parent = dirname(folder);
  const leftover = (name: string) => name.startsWith(`${basename(folder)}${UNFINISHED}`);
  for (const name of (await readdir(parent)).filter(leftover)) {
    await rm(join(parent, name), { recursive: true, force: true });
  }
}
