import { join } from 'node:path';
import { isThere } from '../is-there.js';
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
  const pgConfig = join(binFolder, 'pg_config');
  if (!(await isThere(pgConfig, 'program')) || !(await isThere(join(binFolder, 'postgres'), 'program')))
    return false;
  const share = await run(pgConfig, ['--sharedir']);
  return isThere(join(share, 'extension/timescaledb.control'));
}
