import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { constants, createGunzip } from 'node:zlib';
import { unreadableArchive } from '../postgres/archive/archive-error.js';
import { CompressedFile } from '../postgres/archive/compressed-file.js';
import type { WrittenFile } from '../postgres/archive/data-file.js';
import type { RecordedObject } from '../verify/object-set.js';

/** An object a line, as JSON: the query that gave it, its kind, its name and its lines. Of 100,000 chunks, they are a million. */
export const OBJECTS_FILE = 'objects.json.gz';

/** Handed on at once, in characters: objects come in short lines. */
const GATHERED = 64 * 1024;

type Line = readonly [query: string, ...RecordedObject];

/** Writes what `work` notes. @throws HyperferryError `ARCHIVE` if the disk is full, or the like */
export async function writeObjects<T>(
  folder: string,
  work: (note: (query: string, object: RecordedObject) => void) => Promise<T>,
): Promise<{ readonly result: T; readonly file: WrittenFile }> {
  const file = await CompressedFile.open(join(folder, OBJECTS_FILE), {
    algorithm: 'gzip',
    level: constants.Z_BEST_SPEED,
  });
  let gathered = '';
  let written = Promise.resolve();
  const hand = (): void => {
    const bytes = Buffer.from(gathered);
    gathered = '';
    written = written.then(() => file.write(bytes));
    // Not waited for: a server gives definitions more slowly than they are written. An error comes out at the end.
    written.catch(() => {});
  };
  try {
    const result = await work((query, object) => {
      gathered += `${JSON.stringify([query, ...object] satisfies Line)}\n`;
      if (gathered.length > GATHERED) hand();
    });
    hand();
    await written;
    return { result, file: { name: OBJECTS_FILE, ...(await file.close()) } };
  } catch (error) {
    await file.abandon();
    throw error;
  }
}

/** The objects of some queries. @throws HyperferryError `ARCHIVE` for what is no such file */
export async function readObjects(folder: string, queries: ReadonlySet<string>): Promise<RecordedObject[]> {
  const path = join(folder, OBJECTS_FILE);
  const objects: RecordedObject[] = [];
  let rest = '';
  try {
    const text = pipeline(createReadStream(path), createGunzip(), () => {}).setEncoding('utf8');
    for await (const piece of text) {
      const lines = `${rest}${piece}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const [query, ...object] = JSON.parse(line) as Line;
        if (queries.has(query)) objects.push(object);
      }
    }
  } catch (error) {
    throw unreadableArchive(path, (error as Error).message, { cause: error });
  }
  return objects;
}
