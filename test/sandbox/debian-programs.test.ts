import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { unpackedDebianBin } from '../../sandbox/programs/debian-programs.js';
import { temporaryFolder } from './temporary-folder.js';

afterEach(() => void vi.unstubAllEnvs());

test('a folder in the cache counts only when it was unpacked to the end', async () => {
  const cache = await temporaryFolder();
  vi.stubEnv('HYPERFERRY_CACHE', cache);
  const folder = join(cache, `debian-trixie-postgresql-17-${process.arch}-1`);
  const postgres = join(folder, 'usr/lib/postgresql/17/bin/postgres');
  await mkdir(dirname(postgres), { recursive: true });
  await writeFile(postgres, '#!/bin/sh\n', { mode: 0o755 });
  expect(await unpackedDebianBin(17)).toBeUndefined();
  await writeFile(join(folder, 'packages.txt'), '');
  expect(await unpackedDebianBin(17)).toBe(dirname(postgres));
});
