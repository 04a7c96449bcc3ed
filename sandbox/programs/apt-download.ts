import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isThere } from '../is-there.js';
import { run } from '../run.js';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

export interface AptDownload {
  /** A folder of the caller's, made if need be, for apt's lists and the packages. */
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
  const archives = join(folder, 'cache/archives');
  await mkdir(join(archives, 'partial'), { recursive: true });
  await mkdir(join(folder, 'lists/partial'), { recursive: true });
  await writeFile(join(folder, 'status'), '');
  await writeFile(join(folder, 'sources.list'), await sourceLine(mirror, release));
  const configuration = join(folder, 'apt.conf');
  await writeFile(configuration, privateConfiguration(folder));

  await run('apt-get', ['-c', configuration, '-qq', 'update']);
  const download = ['install', '--yes', '--download-only', '--no-install-recommends'];
  await run('apt-get', ['-c', configuration, '-qq', ...download, ...packages]);
  const files = await readdir(archives);
  return files.filter((file) => file.endsWith('.deb')).map((file) => join(archives, file));
}

async function sourceLine(mirror: string, release: string): Promise<string> {
  const architecture = await run('dpkg', ['--print-architecture']);
  const signedBy = (await isThere(KEYRING)) ? ` signed-by=${KEYRING}` : '';
  return `deb [arch=${architecture}${signedBy}] ${mirror} ${release} main\n`;
}

/**
 * Read after the machine's own configuration, which is kept for its proxies. Of that, cleared is what runs after an
 * update: it tends the machine's lists. An unreachable mirror, by default a warning, is made the error that it is. And
 * root's apt stays root, since user `_apt`, who would do the fetching, may not write to the folder.
 */
function privateConfiguration(folder: string): string {
  return `
Dir::State "${folder}";
Dir::State::lists "${folder}/lists";
Dir::State::status "${folder}/status";
Dir::Cache "${folder}/cache";
Dir::Etc::SourceList "${folder}/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
Acquire::Retries "3";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
`;
}
