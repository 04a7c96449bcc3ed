import { mkdir, readdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SandboxError } from '../sandbox-error.js';

/**
 * Makes the programs of an unpacked Debian tree run on a machine with another C library: each is moved to `bin/real/`,
 * and a script under its name starts it through the tree's own loader and libraries.
 *
 * @param tree the unpacked tree, whose programs are in `usr/lib/postgresql/<major>/bin`
 */
export async function wrapPrograms(tree: string, major: number): Promise<void> {
  const loader = await findLoader(tree);
  const bin = join(tree, 'usr/lib/postgresql', `${major}`, 'bin');
  const names = await readdir(bin);
  await mkdir(join(bin, 'real'));
  for (const name of names) {
    await rename(join(bin, name), join(bin, 'real', name));
    await writeFile(join(bin, name), wrapperScript(loader), { mode: 0o755 });
  }
}

/** `x86_64-linux-gnu/ld-linux-x86-64.so.2`, `aarch64-linux-gnu/ld-linux-aarch64.so.1`, …, relative to the tree. */
async function findLoader(tree: string): Promise<string> {
  const lib = join(tree, 'usr/lib');
  for (const triplet of (await readdir(lib)).filter((name) => name.includes('-linux-gnu'))) {
    const loader = (await readdir(join(lib, triplet))).find((name) => /^ld(-linux.*|64)\.so\.\d$/.test(name));
    if (loader !== undefined) return join('usr/lib', triplet, loader);
  }
  throw new SandboxError(
    'DOWNLOAD_FAILED',
    `Expected the C library's loader in ${lib}/*-linux-gnu*, found none`,
  );
}

/**
 * PostgreSQL finds its libraries and its share folder relative to argv[0], so that must be the script's own full path.
 * The host's library cache is left out: it names the host's libraries.
 */
function wrapperScript(loader: string): string {
  return `#!/bin/sh
self=$(readlink -f -- "$0") || exit 127
bin=\${self%/*}
tree=\${bin%/usr/lib/postgresql/*}
exec "$tree/${loader}" --inhibit-cache --library-path "$tree/${dirname(loader)}" \\
  --argv0 "$self" "$bin/real/\${self##*/}" "$@"
`;
}
