import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { clientBinFolder, communityBin } from '../../sandbox/index.js';
import { temporaryFolder } from './temporary-folder.js';

afterEach(() => void vi.unstubAllEnvs());

async function home(): Promise<string> {
  const folder = await temporaryFolder();
  vi.stubEnv('HOME', folder);
  vi.stubEnv('HYPERFERRY_COMMUNITY_BIN', '');
  return folder;
}

async function programs(folder: string, version: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'postgres'), `#!/bin/sh\necho "postgres (PostgreSQL) ${version}"\n`, {
    mode: 0o755,
  });
  return folder;
}

describe('the community edition', () => {
  test('is looked for where the variable says, then in the home folder', async () => {
    const folder = await home();
    expect(await communityBin()).toBeUndefined();

    await mkdir(join(folder, '.cache/hyperferry/community'), { recursive: true });
    const usual = join(folder, '.cache/hyperferry/community/bin');
    await symlink(await programs(join(folder, 'elsewhere'), '17.11'), usual);
    expect(await communityBin()).toBe(usual);

    const named = await programs(join(folder, 'named'), '17.11');
    vi.stubEnv('HYPERFERRY_COMMUNITY_BIN', named);
    expect(await communityBin()).toBe(named);
  });

  test('that is missing is reported with both places', async () => {
    const folder = await home();
    await expect(clientBinFolder(undefined, 'community')).rejects.toMatchObject({
      code: 'COMMUNITY_MISSING',
      message: expect.stringMatching(
        new RegExp(`HYPERFERRY_COMMUNITY_BIN is not set.*${folder}/.cache/hyperferry/community/bin`),
      ),
    });
  });

  test('that the variable promises and the folder lacks is an error, not a reason to look elsewhere', async () => {
    const folder = await home();
    await programs(join(folder, '.cache/hyperferry/community/bin'), '17.11');
    vi.stubEnv('HYPERFERRY_COMMUNITY_BIN', join(folder, 'empty'));
    await expect(communityBin()).rejects.toMatchObject({ code: 'COMMUNITY_UNUSABLE' });
  });

  test('of another PostgreSQL version than the one asked for is refused', async () => {
    const folder = await home();
    vi.stubEnv('HYPERFERRY_COMMUNITY_BIN', await programs(join(folder, 'named'), '17.11 (Debian 17.11-1)'));
    await expect(clientBinFolder(18, 'community')).rejects.toMatchObject({
      code: 'COMMUNITY_UNUSABLE',
      message: expect.stringMatching(/Expected PostgreSQL 18.*found PostgreSQL 17/),
    });
  });
});
