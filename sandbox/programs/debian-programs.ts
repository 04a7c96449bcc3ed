import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { isThere } from '../is-there.js';
import { withLock } from '../lock.js';
import type { Progress } from '../progress.js';
import { run } from '../run.js';
import { SandboxError } from '../sandbox-error.js';
import { aptDownload } from './apt-download.js';
import { cacheFolder } from './cache-folder.js';
import { debianMirrors } from './debian-mirrors.js';
import { makeWhole } from './make-whole.js';
import type { PostgresMajor } from './postgres-major.js';
import { wrapPrograms } from './wrap-programs.js';

/** The Debian release that packages TimescaleDB for a PostgreSQL major version. */
const RELEASES: Readonly<Record<PostgresMajor, string>> = { 17: 'trixie', 18: 'forky' };

/** Raise it when what is unpacked, or how, changes: folders made the old way are then left alone and made anew. */
const LAYOUT = 1;

/** The cached folder of Debian's programs, or undefined where it was not unpacked yet. */
export async function unpackedDebianBin(major: PostgresMajor): Promise<string | undefined> {
  const folder = await programsFolder(major);
  return (await isThere(join(folder, 'packages.txt'))) ? binFolder(folder, major) : undefined;
}

/** Downloads Debian's programs and unpacks them into the cache, without root and without installing anything. */
export async function unpackDebianPrograms(
  major: PostgresMajor,
  codename: string,
  progress: Progress,
): Promise<string> {
  const folder = await programsFolder(major);
  return withLock(`${folder}.lock`, progress, async () => {
    const unpacked = await unpackedDebianBin(major);
    if (unpacked !== undefined) return unpacked;
    await makeWhole(folder, (unfinished) => fill(unfinished, major, codename, progress));
    return binFolder(folder, major);
  });
}

async function programsFolder(major: PostgresMajor): Promise<string> {
  return join(await cacheFolder(), `debian-${RELEASES[major]}-postgresql-${major}-${process.arch}-${LAYOUT}`);
}

function binFolder(folder: string, major: PostgresMajor): string {
  return join(folder, 'usr/lib/postgresql', `${major}`, 'bin');
}

async function fill(
  folder: string,
  major: PostgresMajor,
  codename: string,
  progress: Progress,
): Promise<void> {
  const release = RELEASES[major];
  progress(`Downloading PostgreSQL ${major} with TimescaleDB from Debian ${release} (about 100 MB, once)`);
  const debs = await downloadFromFirstMirror(join(folder, 'apt'), major, release, codename);
  progress(`Unpacking ${debs.length} packages into ${dirname(folder)}`);
  const everything = join(folder, 'everything');
  await mkdir(everything);
  await unpackAll(debs, everything);
  await keepPrograms(everything, folder, major);
  await wrapPrograms(folder, major);
  await run(join(binFolder(folder, major), 'postgres'), ['--version']);
  await rm(join(folder, 'apt'), { recursive: true });
  await rm(everything, { recursive: true });
  await writeFile(join(folder, 'packages.txt'), `${debs.map((deb) => basename(deb, '.deb')).join('\n')}\n`);
  await chmod(folder, 0o755);
}

async function downloadFromFirstMirror(
  folder: string,
  major: PostgresMajor,
  release: string,
  codename: string,
): Promise<string[]> {
  const packages = [
    `postgresql-${major}`,
    `postgresql-client-${major}`,
    `postgresql-${major}-timescaledb`,
    'pgbouncer',
  ];
  const failures: unknown[] = [];
  for (const mirror of await debianMirrors(codename)) {
    try {
      return await aptDownload({ folder, mirror, release, packages });
    } catch (error) {
      failures.push(error);
      await rm(folder, { recursive: true, force: true });
    }
  }
  const came =
    failures.map((error) => (error as Error).message).join('\n') || 'apt is configured with no Debian mirror';
  throw new SandboxError(
    'DOWNLOAD_FAILED',
    `Expected ${packages.join(', ')} from Debian ${release}, but: ${came}`,
    {
      hint: 'Check that `apt-get update` works on this machine, and that its debian-archive-keyring package is current.',
      cause: failures[0],
    },
  );
}

async function unpackAll(debs: readonly string[], folder: string): Promise<void> {
  const queue = [...debs];
  const worker = async () => {
    for (let deb = queue.pop(); deb !== undefined; deb = queue.pop())
      await run('dpkg-deb', ['-x', deb, folder]);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
}

/** Leaves behind, above all, the setuid programs among the dependencies: nobody would ever update them here. */
async function keepPrograms(everything: string, folder: string, major: PostgresMajor): Promise<void> {
  for (const path of ['usr/lib', 'usr/share/postgresql']) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await rename(join(everything, path), join(folder, path));
  }
  await rename(join(everything, 'usr/sbin/pgbouncer'), join(binFolder(folder, major), 'pgbouncer'));
}
