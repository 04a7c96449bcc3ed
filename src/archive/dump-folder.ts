import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { lstat, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { failedOnFile } from '../postgres/archive/archive-error.js';
import type { WrittenFile } from '../postgres/archive/data-file.js';
import { HyperferryError } from '../postgres/error.js';
import { quoteForShell } from '../postgres/quoting.js';
import { dumpPath } from './dump-path.js';
import { noteWriter, removeIfDead, removeWriter } from './dump-writer.js';
import { syncFile, syncFolder } from './sync-to-disk.js';

/** 3,000 files on ext4 take 5.7 s one by one, 1.1 s four at a time, 1.0 s sixteen at a time. */
const SYNCED_AT_ONCE = 4;

/** What a dump is written into: a folder with another name until it is complete. */
export class DumpFolder {
  /** Where files are written. */
  readonly path: string;
  readonly #out: string;

  private constructor(out: string) {
    this.#out = out;
    this.path = partialName(out);
  }

  /** @throws HyperferryError `USAGE` when something is there already, `ARCHIVE` when the folder cannot be made */
  static async make(named: string): Promise<DumpFolder> {
    if (named === '') {
      throw new HyperferryError('USAGE', 'expected --out to name a folder, but it is empty', {
        hint: 'Name one that is not there yet: --out /backup/tsdb',
      });
    }
    const out = dumpPath(named);
    const folder = new DumpFolder(out);
    if (await isThere(out)) {
      throw new HyperferryError(
        'USAGE',
        `expected --out to name a folder that is not there yet, but ${named} is`,
        {
          hint: 'Name another one, or remove it.',
        },
      );
    }
    try {
      await mkdir(folder.path, { mode: 0o700 }).catch(async (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST' || !(await removeIfDead(folder.path))) throw error;
        await mkdir(folder.path, { mode: 0o700 });
      });
      // Without, a later dump asks people to remove the folder; a full disk ends this one with a better message.
      await noteWriter(folder.path).catch(() => {});
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') {
        throw new HyperferryError(
          'ARCHIVE',
          `expected a folder to make ${named} in, but ${dirname(out)} is not there`,
          { hint: `Make it first: mkdir -p ${quoteForShell(dirname(out))}` },
        );
      }
      if (code !== 'EEXIST') throw failedOnFile('written', folder.path, error);
      throw new HyperferryError(
        'ARCHIVE',
        `expected nobody else to dump into ${named}, but ${folder.path} is there`,
        {
          hint: `If no other dump runs, on this machine or another, it is what one that died has left: rm -r ${quoteForShell(folder.path)}`,
        },
      );
    }
    return folder;
  }

  /** A file that is on disk when this resolves. */
  async write(name: string, content: string | Buffer): Promise<WrittenFile> {
    const bytes = Buffer.from(content);
    const path = join(this.path, name);
    try {
      const file = await open(path, 'wx', 0o600);
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
    } catch (error) {
      throw failedOnFile('written', path, error);
    }
    return { name, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
  }

  /**
   * Brings all files to the disk, and then gives the folder its name.
   * @returns what else to tell of a dump that is complete
   */
  async complete(): Promise<readonly string[]> {
    try {
      const waiting = await readdir(this.path);
      await Promise.all(
        Array.from({ length: SYNCED_AT_ONCE }, async () => {
          for (let name = waiting.pop(); name !== undefined; name = waiting.pop())
            await syncFile(join(this.path, name));
        }),
      );
      await removeWriter(this.path);
      await syncFolder(this.path);
      await rename(this.path, this.#out);
    } catch (error) {
      throw failedOnFile('written', this.path, error);
    }
    // By now the dump is complete, and must not be told to have failed.
    return syncFolder(dirname(this.#out)).then(
      () => [],
      (error: Error) => [
        `the dump is complete, but its name may be lost if the machine stops now: ${dirname(this.#out)} could not be brought to the disk: ${error.message}`,
      ],
    );
  }

  async abandon(): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}

/** What a dump that could not end in order has left, and how to remove it; undefined where there is nothing. */
export function leftByDump(named: string): string | undefined {
  const path = partialName(dumpPath(named));
  return existsSync(path)
    ? `What the dump has written stays, and is no dump; remove it: rm -r ${quoteForShell(path)}`
    : undefined;
}

function partialName(out: string): string {
  return join(dirname(out), `.${basename(out)}.partial`);
}

/** A link to nothing is something: no folder can be given its name. */
async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw failedOnFile('read', path, error);
  }
}
