import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { HyperferryError } from '../postgres/error.js';
import { fileOnDisk } from './file-on-disk.js';

/** What a thread is told of a file, or why it cannot read it. */
export type HashedFile =
  | { readonly state: 'hashed'; readonly sha256: string }
  | { readonly state: 'unreadable'; readonly reason: string };

/** The SHA-256 of a file in the folder. Node.js hashes in the thread that asks it to, some 200 to 1000 MB/s. */
export async function hashFile(folder: string, name: string): Promise<HashedFile> {
  try {
    const { sha256 } = await fileOnDisk(folder, name);
    return { state: 'hashed', sha256 };
  } catch (error) {
    if (!(error instanceof HyperferryError)) throw error;
    return { state: 'unreadable', reason: error.message };
  }
}

/** In a thread of its own, this module hashes the files whose names come, one after the other. */
if (!isMainThread && workerData?.hashesFilesOf !== undefined) {
  parentPort?.on('message', async (name: string) => {
    parentPort?.postMessage(await hashFile(workerData.hashesFilesOf, name));
  });
}
