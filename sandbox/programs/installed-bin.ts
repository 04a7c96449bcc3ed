import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../run.js';
import type { PostgresMajor } from './postgres-major.js';

/** Where the packages of Debian and Ubuntu, and those of Red Hat's family, put PostgreSQL's programs. */
const PLACES = [
  (major: number) => `/usr/lib/postgresql/${major}/bin`,
  (major: number) => `/usr/pgsql-${major}/bin`,
] as const;

/** The folder of a PostgreSQL server that this machine has installed together with TimescaleDB, or undefined. */
export async function installedBin(major: PostgresMajor): Promise<string | undefined> {
  for (const place of PLACES) {
    if (await hasTimescale(place(major))) return place(major);
  }
  return undefined;
}

async function hasTimescale(binFolder: string): Promise<boolean> {
  try {
    await access(join(binFolder, 'postgres'));
    await access(join(binFolder, 'pg_config'));
  } catch {
    return false;
  }
  const share = await run(join(binFolder, 'pg_config'), ['--sharedir']);
  return access(join(share, 'extension/timescaledb.control')).then(
    () => true,
    () => false,
  );
}
