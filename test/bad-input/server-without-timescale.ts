import { chmod, cp, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, sep } from 'node:path';
import { onTestFinished } from 'vitest';
import { clientBinFolder, type Server } from '../../sandbox/index.js';
import { startExtraServer } from '../integration/servers.js';

/**
 * A server whose installation lacks TimescaleDB's files: a copy of the sandbox's PostgreSQL without them. PostgreSQL
 * looks for its files relative to where it stands. It ends with the test.
 */
export async function startServerWithoutTimescale(): Promise<Server> {
  const tree = await mkdtemp(join(tmpdir(), 'hyperferry-plain-'));
  await chmod(tree, 0o755); // root's servers run as another user
  const bin = await copyWithoutTimescale(tree);
  const before = process.env.HYPERFERRY_COMMUNITY_BIN;
  process.env.HYPERFERRY_COMMUNITY_BIN = bin;
  try {
    const server = await startExtraServer(`plain-${process.pid}`, {
      edition: 'community',
      settings: { shared_preload_libraries: '' },
    });
    onTestFinished(async () => {
      await server.stop();
      await rm(tree, { recursive: true });
    });
    return server;
  } finally {
    if (before === undefined) delete process.env.HYPERFERRY_COMMUNITY_BIN;
    else process.env.HYPERFERRY_COMMUNITY_BIN = before;
  }
}

async function copyWithoutTimescale(tree: string): Promise<string> {
  const bin = await clientBinFolder();
  const [root = '', version = ''] = bin.split(`${sep}usr/lib/postgresql/`);
  const major = version.split(sep)[0] ?? '';
  const filter = (path: string) => !/timescaledb[^/]*$/.test(path);
  for (const folder of [`usr/lib/postgresql/${major}`, `usr/share/postgresql/${major}`]) {
    await cp(join(root, folder), join(tree, folder), { recursive: true, filter, verbatimSymlinks: true });
  }
  // The unpacked programs bring the C library that they run with.
  for (const name of await readdir(join(root, 'usr/lib'))) {
    if (name.endsWith('-linux-gnu')) await symlink(join(root, 'usr/lib', name), join(tree, 'usr/lib', name));
  }
  return join(tree, 'usr/lib/postgresql', major, 'bin');
}
