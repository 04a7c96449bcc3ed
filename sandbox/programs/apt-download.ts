import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isThere } from '../is-there.js';
import { run } from '../run.js';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

export interface AptDownload {
  /** An empty folder of the caller's, for apt's lists and the packages. */
  readonly folder: string;
  readonly mirror: string;
  readonly release: string;
  readonly packages: readonly string[];
}

/**
 * Fetches packages and all that they depend on, from another Debian release if need be, and returns the paths of the
 * `.deb` files. The machine's apt is neither changed nor asked what is installed: all its state lies in `folder`.
 */
export async function aptDownload({ folder, mirror, release, packages }: AptDownload): Promise<string[]> {
  const lists = join(folder, 'lists');
  const cache = join(folder, 'cache');
  const archives = join(cache, 'archives');
  await mkdir(join(lists, 'partial'), { recursive: true });
  await mkdir(join(archives, 'partial'), { recursive: true });
  await writeFile(join(folder, 'status'), '');
  await writeFile(join(folder, 'sources.list'), await sourceLine(mirror, release));

  const apt = (...args: string[]) =>
    run('apt-get', [...privateFolders(folder, lists, cache), '-qq', ...args]);
  await apt('update');
  await apt('install', '--yes', '--download-only', '--no-install-recommends', ...packages);
  const files = await readdir(archives);
  return files.filter((file) => file.endsWith('.deb')).map((file) => join(archives, file));
}

function privateFolders(folder: string, lists: string, cache: string): string[] {
  return [
    `Dir::State=${folder}`,
    `Dir::State::lists=${lists}`,
    `Dir::State::status=${join(folder, 'status')}`,
    `Dir::Cache=${cache}`,
    `Dir::Etc::SourceList=${join(folder, 'sources.list')}`,
    'Dir::Etc::SourceParts=/dev/null',
    'Dir::Etc::Preferences=/dev/null',
    'Dir::Etc::PreferencesParts=/dev/null',
    // Else a mirror that cannot be reached is a mere warning, and the failure that follows names the wrong thing.
    'APT::Update::Error-Mode=any',
    // Else root's apt downloads as user _apt, who may not write to these folders.
    'APT::Sandbox::User=root',
  ].flatMap((option) => ['-o', option]);
}

async function sourceLine(mirror: string, release: string): Promise<string> {
  const architecture = await run('dpkg', ['--print-architecture']);
  const options = [`arch=${architecture}`];
  if (await isThere(KEYRING)) options.push(`signed-by=${KEYRING}`);
  return `deb [${options.join(' ')}] ${mirror} ${release} main\n`;
}
