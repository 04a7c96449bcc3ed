import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { cleanEnvironment } from '../clean-environment.js';
import type { Course } from '../course.js';
import type { Usage } from '../measure.js';
import { restoring } from '../restoring.js';
import { inTurn, runMeasured } from '../run-measured.js';
import type { Contender } from './contender.js';
import { dumpOfHyperferry } from './hyperferry.js';
import { madeOnce } from './made-once.js';

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

export function phases(jobs: number): Contender {
  return {
    name: `pg_dump -Fd -j${jobs}, pg_restore -j${jobs}`,
    isPeer: true,
    prepare: async (course) => async () => {
      const archive = join(course.folder, 'dump');
      try {
        return inTurn([
          await dumpArchive(course, jobs, archive),
          await restoreInPhases(course, jobs, archive),
        ]);
      } finally {
        await rm(archive, { recursive: true, force: true });
      }
    },
  };
}

/** @param level of gzip; its own default where it is not given */
export function pgDump(jobs: number, level?: number): Contender {
  const compression = level === undefined ? [] : [`-Z${level}`];
  return {
    name: ['pg_dump -Fd', `-j${jobs}`, ...compression].join(' '),
    isPeer: true,
    prepare: async (course) => () => dumpArchive(course, jobs, course.dump, compression),
  };
}

export function pgRestore(jobs: number): Contender {
  return {
    name: `pg_restore -j${jobs} in phases`,
    isPeer: true,
    prepare: async (course) => {
      const archive = await madeOnce(join(course.folder, 'dump-of-pg_dump'), (folder) =>
        dumpArchive(course, jobs, folder),
      );
      return () => restoreInPhases(course, jobs, archive);
    },
  };
}

export function pgRestoreOfHyperferry(jobs: number): Contender {
  return {
    name: `pg_restore -j${jobs} in phases, of hyperferry dump`,
    isPeer: true,
    prepare: async (course) => {
      const archive = await dumpOfHyperferry(course);
      return () => restoreInPhases(course, jobs, archive);
    },
  };
}

function dumpArchive(
  { source, programs }: Course,
  jobs: number,
  archive: string,
  compression: readonly string[] = [],
): Promise<Usage> {
  const parameters = ['-Fd', '-j', String(jobs), ...compression, '-d', source, '-f', archive];
  return runMeasured('pg_dump', parameters, cleanEnvironment(programs));
}

const CATALOGS = ['_timescaledb_catalog', '_timescaledb_config'];

/** In phases, since the catalog's data and the chunks' must not come at once. */
async function restoreInPhases({ target, programs }: Course, jobs: number, archive: string): Promise<Usage> {
  const phases = [
    ['--section=pre-data'],
    ['--section=data', ...CATALOGS.map((schema) => `--schema=${schema}`)],
    ['--section=data', '-j', String(jobs), ...CATALOGS.map((schema) => `--exclude-schema=${schema}`)],
    ['--section=post-data', '-j', String(jobs)],
  ];
  const usages: Usage[] = [];
  await restoring({ target, programs }, async () => {
    for (const parameters of phases) {
      usages.push(
        await runMeasured(
          'pg_restore',
          ['--no-owner', '-d', target, ...parameters, archive],
          cleanEnvironment(programs),
        ),
      );
    }
  });
  return inTurn(usages);
}
