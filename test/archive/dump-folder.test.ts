import { chmod, chown, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { DumpFolder } from '../../src/archive/dump-folder.js';
import { syncFile, syncFolder } from '../../src/archive/sync-to-disk.js';
import { temporaryFolder } from './dumped.js';

test('a dump in a folder that its user may write to but not read is complete', async () => {
  const parent = await temporaryFolder();
  await chmod(parent, 0o733);
  if (process.geteuid?.() === 0) {
    // Root may read everywhere.
    await chown(parent, 1, 1);
    process.seteuid?.(65_534);
    onTestFinished(() => process.seteuid?.(0));
  } else {
    await chmod(parent, 0o300);
    onTestFinished(() => chmod(parent, 0o700));
  }
  await expect(readdir(parent), 'whether it may be read').rejects.toThrow(/EACCES/);
  const folder = await DumpFolder.make(join(parent, 'dump'));
  await folder.write('README.txt', 'How to restore it');
  expect(await folder.complete()).toEqual([]);
  expect(await readdir(join(parent, 'dump'))).toEqual(['README.txt']);
});

test.skipIf(process.platform !== 'linux')(
  'a file system that does not sync folders is none that cannot be written to',
  async () => {
    await expect(syncFile('/proc')).rejects.toThrow(/EINVAL/);
    await syncFolder('/proc');
    await expect(syncFolder('/proc/nothing')).rejects.toThrow(/ENOENT/);
  },
);
