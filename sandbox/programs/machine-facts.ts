import { readFile } from 'node:fs/promises';
import { type } from 'node:os';
import { isThere } from '../is-there.js';
import type { MachineFacts } from './choose-source.js';
import { unpackedDebianBin } from './debian-programs.js';
import { installedBin } from './installed-bin.js';
import type { PostgresMajor } from './postgres-major.js';

export async function machineFacts(major: PostgresMajor): Promise<MachineFacts> {
  const release = await osRelease();
  const isDebian = release.get('ID') === 'debian' && (await canUnpack());
  return {
    installed: await installedBin(major),
    unpacked: await unpackedDebianBin(major),
    system: release.get('PRETTY_NAME') ?? type(),
    // Only stable releases are sure to name themselves.
    debianCodename: isDebian ? (release.get('VERSION_CODENAME') ?? 'unstable') : undefined,
  };
}

async function osRelease(): Promise<ReadonlyMap<string, string>> {
  const text = await readFile('/etc/os-release', 'utf8').catch(() => '');
  const pairs = text.split('\n').map((line) => /^(\w+)=["']?(.*?)["']?$/.exec(line));
  return new Map(pairs.flatMap((pair) => (pair ? [[pair[1] ?? '', pair[2] ?? '']] : [])));
}

async function canUnpack(): Promise<boolean> {
  return (await isThere('/usr/bin/apt-get', 'program')) && (await isThere('/usr/bin/dpkg-deb', 'program'));
}
