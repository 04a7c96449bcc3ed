import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';

/** Two databases, and what a contender may use to move one to the other. */
export interface Course {
  readonly source: string;
  readonly target: string;
  /** The client programs' folder. */
  readonly programs: string;
  /** For intermediate files. */
  readonly folder: string;
  readonly jobs: number;
}

export interface Contender {
  readonly name: string;
  /** Moves the database; the target is empty. */
  run(course: Course): Promise<void>;
}

/** The command line as built, as a user runs it. */
function hyperferry(verify: 'none' | 'checksums'): Contender['run'] {
  return async ({ source, target, programs, jobs }) => {
    await execa(
      process.execPath,
      [
        ...[
          'dist/src/cli/main.js',
          'migrate',
          '--pg-bin',
          programs,
          '--jobs',
          String(jobs),
          '--verify',
          verify,
        ],
        ...['--source', source, '--target', target],
      ],
      { stdio: 'ignore' },
    );
  };
}

/** The published procedure: https://docs.timescale.com/self-hosted/latest/migration/entire-database/ */
const recipe: Contender['run'] = async ({ source, target, programs, folder }) => {
  const file = join(folder, 'dump.sql');
  await execa(join(programs, 'pg_dump'), ['-d', source, '--no-owner', '--no-privileges', '-f', file]);
  await restoring({ target, programs }, async () => {
    await execa(join(programs, 'psql'), ['-q', '-v', 'ON_ERROR_STOP=1', '-d', target, '-f', file], {
      stdout: 'ignore',
    });
  });
  await rm(file);
};

/** In phases, since the catalog's data and the chunks' must not come at once. */
const phases: Contender['run'] = async ({ source, target, programs, folder, jobs }) => {
  const archive = join(folder, 'dump');
  await execa(join(programs, 'pg_dump'), ['-Fd', '-j', String(jobs), '-d', source, '-f', archive]);
  const restore = (...parameters: string[]) =>
    execa(join(programs, 'pg_restore'), ['--no-owner', '-d', target, ...parameters, archive]);
  await restoring({ target, programs }, async () => {
    await restore('--section=pre-data');
    await restore('--section=data', '--schema=_timescaledb_catalog', '--schema=_timescaledb_config');
    const catalogs = ['--exclude-schema=_timescaledb_catalog', '--exclude-schema=_timescaledb_config'];
    await restore('--section=data', '-j', String(jobs), ...catalogs);
    await restore('--section=post-data', '-j', String(jobs));
  });
  await rm(archive, { recursive: true });
};

export const CONTENDERS: readonly Contender[] = [
  { name: 'hyperferry --verify none', run: hyperferry('none') },
  { name: 'hyperferry', run: hyperferry('checksums') },
  { name: 'recipe: pg_dump, psql', run: recipe },
  { name: 'pg_dump -Fd -jN, pg_restore -jN', run: phases },
];

async function restoring(
  { target, programs }: Pick<Course, 'target' | 'programs'>,
  work: () => Promise<void>,
): Promise<void> {
  const sql = (command: string) => execa(join(programs, 'psql'), ['-qAt', '-d', target, '-c', command]);
  await sql('CREATE EXTENSION IF NOT EXISTS timescaledb');
  await sql('SELECT timescaledb_pre_restore()');
  await work();
  await sql('SELECT timescaledb_post_restore()');
  await sql('ANALYZE');
}
