import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeWhole } from '../../sandbox/programs/make-whole.js';
import { temporaryFolder } from './temporary-folder.js';

test('a folder is not there until it is filled', async () => {
  const parent = await temporaryFolder();
  await makeWhole(join(parent, 'programs'), async (unfinished) => {
    await writeFile(join(unfinished, 'postgres'), 'whole');
    expect(await readdir(parent)).not.toContain('programs');
  });
  expect(await readdir(join(parent, 'programs'))).toEqual(['postgres']);
});

test('what an interrupted attempt left is removed, and neighbours are not', async () => {
  const parent = await temporaryFolder();
  for (const folder of ['programs', 'programs.unfinished', 'programs-18.unfinished']) {
    await mkdir(join(parent, folder));
    await writeFile(join(parent, folder, 'postgres'), 'part');
  }
  await makeWhole(join(parent, 'programs'), (unfinished) => writeFile(join(unfinished, 'postgres'), 'whole'));
  expect(await readFile(join(parent, 'programs/postgres'), 'utf8')).toBe('whole');
  expect((await readdir(parent)).sort()).toEqual(['programs', 'programs-18.unfinished']);
});

test('an attempt that fails leaves nothing', async () => {
  const parent = await temporaryFolder();
  const fail = () => Promise.reject(new Error('disk full'));
  await expect(makeWhole(join(parent, 'programs'), fail)).rejects.toThrow('disk full');
  expect(await readdir(parent)).toEqual([]);
});
