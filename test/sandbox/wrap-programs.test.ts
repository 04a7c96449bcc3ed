import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { wrapPrograms } from '../../sandbox/programs/wrap-programs.js';
import { temporaryFolder } from './temporary-folder.js';

const BIN = 'usr/lib/postgresql/17/bin';

test.each([
  'usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2',
  'usr/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1',
])('a wrapped program runs through %s, by its full path and with its arguments as given', async (loader) => {
  const tree = await temporaryFolder();
  await program(join(tree, BIN, 'psql'), 'never run itself');
  // In the place of the loader, a program that prints what it was asked to do.
  await program(join(tree, loader), '#!/bin/sh\nprintf "%s\\n" "$@"\n');
  await wrapPrograms(tree, 17);

  const { stdout } = await execa(join(tree, BIN, 'psql'), ['-c', "SELECT 'a  b'"]);
  expect(stdout.split('\n')).toEqual([
    '--inhibit-cache',
    '--library-path',
    join(tree, dirname(loader)),
    '--argv0',
    join(tree, BIN, 'psql'),
    join(tree, BIN, 'real/psql'),
    '-c',
    "SELECT 'a  b'",
  ]);
  expect(await readFile(join(tree, BIN, 'real/psql'), 'utf8')).toBe('never run itself');
});

test('a tree without a loader is refused', async () => {
  const tree = await temporaryFolder();
  await program(join(tree, BIN, 'psql'), '');
  await expect(wrapPrograms(tree, 17)).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' });
});

async function program(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text, { mode: 0o755 });
}
