import type { Progress } from '../progress.js';
import { SandboxError } from '../sandbox-error.js';
import { chooseSource } from './choose-source.js';
import { communityBin, communityMissing } from './community-bin.js';
import { unpackDebianPrograms } from './debian-programs.js';
import { machineFacts } from './machine-facts.js';
import { DEFAULT_MAJOR, type Edition, majorOf, type PostgresMajor } from './postgres-major.js';

/**
 * The folder of PostgreSQL's programs (`psql`, `pg_dump`, …, and the server's) of a version and edition. Downloads
 * them first where the machine has none.
 *
 * @param major 17 by default; for the community edition, whatever version its folder has
 * @throws SandboxError `NO_PROGRAMS`, `DOWNLOAD_FAILED`, `COMMUNITY_MISSING` or `COMMUNITY_UNUSABLE`
 */
export async function clientBinFolder(
  major?: PostgresMajor,
  edition: Edition = 'apache',
  progress: Progress = () => {},
): Promise<string> {
  return edition === 'community' ? community(major) : apache(major ?? DEFAULT_MAJOR, progress);
}

async function apache(major: PostgresMajor, progress: Progress): Promise<string> {
  const source = chooseSource(major, await machineFacts(major));
  return source.from === 'download' ? unpackDebianPrograms(major, source.codename, progress) : source.bin;
}

async function community(major: PostgresMajor | undefined): Promise<string> {
  const bin = await communityBin();
  if (bin === undefined) throw communityMissing();
  const found = await majorOf(bin);
  if (major === undefined || found === major) return bin;
  throw new SandboxError(
    'COMMUNITY_UNUSABLE',
    `Expected PostgreSQL ${major} in ${bin}, found PostgreSQL ${found}`,
    {
      hint: `Ask for PostgreSQL ${found}, or set HYPERFERRY_COMMUNITY_BIN to a folder with PostgreSQL ${major}.`,
    },
  );
}
