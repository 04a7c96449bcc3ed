import { fork } from 'node:child_process';
import { extname } from 'node:path';
import { HyperferryError } from '../postgres/error.js';
import type { WorkerSource } from '../verify/pool.js';
import { HASHES_FILES, type HashedFile, hashFile } from './hash-process.js';

/** Hashes one file at a time. */
export interface FileHasher {
  hash(name: string): Promise<HashedFile>;
  end(): void;
}

/** From source, this module and the other are TypeScript, and `fork` hands on what loads it. */
const MODULE = new URL(`hash-process${extname(new URL(import.meta.url).pathname)}`, import.meta.url);

/** A process takes as long to start as one hashes some dozens of MB. */
const LEAST_FOR_PROCESSES = 128 * 1024 ** 2;

/**
 * Node.js hashes in its one thread, at 200 MB/s on a processor without instructions for it; so that there is a process
 * for each file in hand. Threads would be lighter, but Node.js 20 does not hand on to them what loads TypeScript.
 *
 * @param bytes of all the files
 */
export function fileHashers(folder: string, bytes: number): WorkerSource<FileHasher> {
  return {
    open: async () => (bytes < LEAST_FOR_PROCESSES ? inThisProcess(folder) : inProcess(folder)),
    close: async (hasher) => hasher.end(),
    destroy: (hasher) => hasher.end(),
  };
}

function inThisProcess(folder: string): FileHasher {
  return { hash: (name) => hashFile(folder, name), end: () => {} };
}

function inProcess(folder: string): FileHasher {
  const child = fork(MODULE, [HASHES_FILES, folder], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  const ended = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) =>
      reject(
        new HyperferryError(
          'INTERNAL',
          `a process that hashes files has ended (${signal ?? `exit code ${code}`})`,
        ),
      ),
    );
  });
  ended.catch(() => {}); // comes out of hash()
  return {
    hash(name) {
      const hashed = new Promise<HashedFile>((resolve) => child.once('message', resolve));
      child.send(name);
      return Promise.race([hashed, ended]);
    },
    end: () => void child.kill(),
  };
}
