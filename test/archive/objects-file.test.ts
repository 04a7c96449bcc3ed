import { readdir, readFile, readlink, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { OBJECTS_FILE, readObjects, writeObjects } from '../../src/archive/objects-file.js';
import type { RecordedObject } from '../../src/verify/object-set.js';
import { temporaryFolder } from '../sandbox/temporary-folder.js';

const OBJECTS = Array.from(
  { length: 3_000 },
  (_, n): RecordedObject => ['index', `public."n ${n} ↑"`, ['CREATE INDEX …', `line\nof "${n}"`]],
);

async function folderWithObjects(): Promise<string> {
  const folder = await temporaryFolder();
  const { result, file } = await writeObjects(folder, async (note) => {
    for (const object of OBJECTS) note('definitions 1', object);
    note('definitions 10', ['table', 'public.a', []]);
    return 'noted';
  });
  expect(result).toBe('noted');
  expect(file).toMatchObject({
    name: OBJECTS_FILE,
    bytes: (await readFile(join(folder, OBJECTS_FILE))).length,
  });
  return folder;
}

test('the objects of a query are read as they were noted, and no others', async () => {
  const folder = await folderWithObjects();
  expect(await readObjects(folder, new Set(['definitions 1']))).toEqual(OBJECTS);
  expect(await readObjects(folder, new Set(['definitions 10']))).toEqual([['table', 'public.a', []]]);
  expect(await readObjects(folder, new Set(['definitions 2']))).toEqual([]);
  expect(await readObjects(folder, new Set(['definitions 10', 'definitions 1']))).toHaveLength(3_001);
});

test('a file that is cut off or not there is an error, and no list of fewer objects', async () => {
  const folder = await folderWithObjects();
  await truncate(join(folder, OBJECTS_FILE), 5_000);
  await expect(readObjects(folder, new Set(['definitions 1']))).rejects.toMatchObject({ code: 'ARCHIVE' });
  await expect(readObjects(join(folder, 'elsewhere'), new Set(['definitions 1']))).rejects.toMatchObject({
    code: 'ARCHIVE',
  });
});

test('what fails while objects are noted leaves no open file', async () => {
  const folder = await temporaryFolder();
  const failing = writeObjects(folder, async (note) => {
    note('definitions 1', ['table', 'public.a', []]);
    throw new Error('the server went away');
  });
  await expect(failing).rejects.toThrow('the server went away');
  const open = await Promise.all(
    (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
  );
  expect(open.filter((path) => path.startsWith(folder))).toEqual([]);
});
