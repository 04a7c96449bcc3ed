import { once } from 'node:events';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { WorkerSource } from '../verify/pool.js';
import { type HashedFile, hashFile } from './hash-thread.js';

/** Hashes one file at a time. */
export interface FileHasher {
  hash(name: string): Promise<HashedFile>;
  end(): Promise<void>;
}

/** From source, this module and the other are TypeScript, and a thread is loaded as the process was. */
const MODULE = new URL(`hash-thread${extname(new URL(import.meta.url).pathname)}`, import.meta.url);

/** A thread takes longer to start than to hash as much as this. */
const LEAST_FOR_THREADS = 128 * 1024 ** 2;

/** @param bytes of all the files */
export function fileHashers(folder: string, bytes: number): WorkerSource<FileHasher> {
  return {
    open: async () => (bytes < LEAST_FOR_THREADS ? inThisThread(folder) : inThread(folder)),
    close: (hasher) => hasher.end(),
    destroy: (hasher) => void hasher.end(),
  };
}

function inThisThread(folder: string): FileHasher {
  return { hash: (name) => hashFile(folder, name), end: async () => {} };
}

function inThread(folder: string): FileHasher {
  const thread = new Worker(MODULE, { workerData: { hashesFilesOf: folder } });
  return {
    async hash(name) {
      thread.postMessage(name);
      // A thread that dies rejects it.
      const [hashed] = await once(thread, 'message');
      return hashed;
    },
    async end() {
      await thread.terminate();
    },
  };
}
