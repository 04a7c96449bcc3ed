import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import type { Course } from './course.js';
import { prepareFloor } from './floor.js';
import { measureProcess, type Usage } from './measure.js';
import { restoring } from './restoring.js';

export interface Contender {
  readonly name: string;
  /** What is not timed. @returns what is: it moves the database; the target is empty. */
  prepare(course: Course): Promise<() => Promise<Usage | undefined>>;
}

/** The command line as built, as a user runs it. */
function hyperferry(verify: 'none' | 'checksums'): Contender {
  return {
    name: `hyperferry migrate --verify ${verify}`,
    prepare:
      async ({ source, target, programs, jobs }) =>
      async () => {
        const flags = ['--pg-bin', programs, '--jobs', String(jobs), '--verify', verify];
        const run = execa(
          process.execPath,
          ['dist/src/cli/main.js', 'migrate', ...flags, '--source', source, '--target', target],
          { stdio: 'ignore' },
        );
        const usage = measureProcess(
          run.pid ?? 0,
          run.catch(() => undefined),
        );
        await run;
        return usage;
      },
  };
}

/** The published procedure: https://docs.timescale.com/self-hosted/latest/migration/entire-database/ */
const recipe: Contender = {
  name: 'recipe: pg_dump, psql',
  prepare:
    async ({ source, target, programs, folder }) =>
    async () => {
      const file = join(folder, 'dump.sql');
      await execa(join(programs, 'pg_dump'), ['-d', source, '--no-owner', '--no-privileges', '-f', file]);
      await restoring({ target, programs }, async () => {
        await execa(join(programs, 'psql'), ['-q', '-v', 'ON_ERROR_STOP=1', '-d', target, '-f', file], {
          stdout: 'ignore',
        });
      });
      await rm(file);
      return undefined;
    },
};

/** In phases, since the catalog's data and the chunks' must not come at once. */
const phases: Contender = {
  name: 'pg_dump -Fd -jN, pg_restore -jN',
  prepare:
    async ({ source, target, programs, folder, jobs }) =>
    async () => {
      const archive = join(folder, 'dump');
      await execa(join(programs, 'pg_dump'), ['-Fd', '-j', String(jobs), '-d', source, '-f', archive]);
      const restore = (...parameters: string[]) =>
        execa(join(programs, 'pg_restore'), ['--no-owner', '-d', target, ...parameters, archive]);
      const catalogs = ['_timescaledb_catalog', '_timescaledb_config'];
      await restoring({ target, programs }, async () => {
        await restore('--section=pre-data');
        await restore('--section=data', ...catalogs.map((schema) => `--schema=${schema}`));
        const others = catalogs.map((schema) => `--exclude-schema=${schema}`);
        await restore('--section=data', '-j', String(jobs), ...others);
        await restore('--section=post-data', '-j', String(jobs));
      });
      await rm(archive, { recursive: true });
      return undefined;
    },
};

/** Where it is installed. */
const pgcopydb: Contender = {
  name: 'pgcopydb clone --use-copy-binary',
  prepare:
    async ({ source, target, programs, folder, jobs }) =>
    async () => {
      const work = join(folder, 'pgcopydb');
      const many = ['--table-jobs', String(jobs), '--index-jobs', String(jobs)];
      const flags = ['--use-copy-binary', '--no-owner', '--no-acl', '--skip-extensions', '--dir', work];
      await restoring({ target, programs }, async () => {
        await execa('pgcopydb', ['clone', '--source', source, '--target', target, ...many, ...flags]);
      });
      await rm(work, { recursive: true, force: true });
      return undefined;
    },
};

/** What the servers need, whoever moves the database. */
const floor: Contender = {
  name: 'floor: the servers alone',
  prepare: async (course) => {
    const run = await prepareFloor(course);
    return async () => {
      await run();
      return undefined;
    };
  },
};

/** Those that this machine has. */
export async function contenders(): Promise<readonly Contender[]> {
  const { failed } = await execa('pgcopydb', ['--version'], { reject: false });
  return [hyperferry('none'), hyperferry('checksums'), recipe, phases, ...(failed ? [] : [pgcopydb]), floor];
}
