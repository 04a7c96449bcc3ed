import { HyperferryError } from '../postgres/error.js';
import { fileOnDisk } from './file-on-disk.js';

/** What became of a file that was to be hashed. */
export type HashedFile =
  | { readonly state: 'hashed'; readonly sha256: string }
  | { readonly state: 'unreadable'; readonly reason: string };

/** The SHA-256 of a file in the folder. */
export async function hashFile(folder: string, name: string): Promise<HashedFile> {
  try {
    const { sha256 } = await fileOnDisk(folder, name);
    return { state: 'hashed', sha256 };
  } catch (error) {
    if (!(error instanceof HyperferryError)) throw error;
    return { state: 'unreadable', reason: error.message };
  }
}

/** What the argument is for a process that runs this module, to hash files of the folder that comes behind it. */
export const HASHES_FILES = '--hashes-files-of';

const [, , asked, folder] = process.argv;
if (asked === HASHES_FILES && folder !== undefined && process.send) {
  // It ends when the channel does.
  process.on('message', async (name: string) => {
    process.send?.(await hashFile(folder, name));
  });
}
