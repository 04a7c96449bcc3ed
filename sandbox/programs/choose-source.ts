import { SandboxError } from '../sandbox-error.js';
import type { PostgresMajor } from './postgres-major.js';

/** What is known about the machine when programs of the Apache edition are wanted. */
export interface MachineFacts {
  /** The folder of an installed PostgreSQL with TimescaleDB. */
  readonly installed: string | undefined;
  /** The folder of Debian's programs in the cache. */
  readonly unpacked: string | undefined;
  /** `NAME` of /etc/os-release, else the kernel's name. */
  readonly system: string;
  /** `VERSION_CODENAME` of a Debian that has apt-get and dpkg-deb. */
  readonly debianCodename: string | undefined;
}

export type ProgramSource =
  | { readonly from: 'machine' | 'cache'; readonly bin: string }
  | { readonly from: 'download'; readonly codename: string };

/**
 * Decides where programs come from: what is installed first, since that costs nothing, then the cache, then Debian.
 *
 * @throws SandboxError `NO_PROGRAMS` on a machine that has none and is no Debian.
 */
export function chooseSource(major: PostgresMajor, facts: MachineFacts): ProgramSource {
  if (facts.installed !== undefined) return { from: 'machine', bin: facts.installed };
  if (facts.unpacked !== undefined) return { from: 'cache', bin: facts.unpacked };
  if (facts.debianCodename !== undefined) return { from: 'download', codename: facts.debianCodename };
  throw new SandboxError(
    'NO_PROGRAMS',
    `Expected PostgreSQL ${major} with TimescaleDB on this machine, or Debian to take it from; this is ${facts.system} and has neither`,
    {
      hint:
        `Install PostgreSQL ${major} with TimescaleDB, or set HYPERFERRY_COMMUNITY_BIN to a folder of PostgreSQL ` +
        'programs that has TimescaleDB and ask for the community edition.',
    },
  );
}
