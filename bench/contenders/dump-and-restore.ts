import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { cleanEnvironment } from '../clean-environment.js';
import { restoring } from '../restoring.js';
import type { Contender } from './contender.js';

/** The published procedure: https://docs.timescale.com/self-hosted/latest/migration/entire-database/ */
export const recipe: Contender = {
  name: 'recipe: pg_dump, psql',
  isPeer: true,
  prepare:
    async ({ source, target, programs, folder }) =>
    async () => {
      const file = join(folder, 'dump.sql');
      const environment = cleanEnvironment(programs);
      try {
        await execa('pg_dump', ['-d', source, '--no-owner', '--no-privileges', '-f', file], environment);
        await restoring({ target, programs }, async () => {
          await execa('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', target, '-f', file], {
            ...environment,
            stdout: 'ignore',
          });
        });
      } finally {
        await rm(file, { force: true });
      }
      return undefined;
    },
};

/** In phases, since the catalog's data and the chunks' must not come at once. */
export function phases(jobs: number): Contender {
  return {
    name: `pg_dump -Fd -j${jobs}, pg_restore -j${jobs}`,
    isPeer: true,
    prepare:
      async ({ source, target, programs, folder }) =>
      async () => {
        const archive = join(folder, 'dump');
        const environment = cleanEnvironment(programs);
        const restore = (...parameters: string[]) =>
          execa('pg_restore', ['--no-owner', '-d', target, ...parameters, archive], environment);
        const catalogs = ['_timescaledb_catalog', '_timescaledb_config'];
        try {
          await execa('pg_dump', ['-Fd', '-j', String(jobs), '-d', source, '-f', archive], environment);
          await restoring({ target, programs }, async () => {
            await restore('--section=pre-data');
            await restore('--section=data', ...catalogs.map((schema) => `--schema=${schema}`));
            const others = catalogs.map((schema) => `--exclude-schema=${schema}`);
            await restore('--section=data', '-j', String(jobs), ...others);
            await restore('--section=post-data', '-j', String(jobs));
          });
        } finally {
          await rm(archive, { recursive: true, force: true });
        }
        return undefined;
      },
  };
}
