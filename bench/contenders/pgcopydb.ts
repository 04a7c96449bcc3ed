import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { cleanEnvironment } from '../clean-environment.js';
import { restoring } from '../restoring.js';
import type { Contender } from './contender.js';

/**
 * https://pgcopydb.readthedocs.io/
 *
 * Without the extension on the target in restore mode, it stops at `cannot truncate only a hypertable`. With
 * `--skip-extensions` it ends well, but leaves the rows of the extension's catalog behind, and so copies plain tables
 * and no hypertable. `--skip-vacuum`: as with the others, statistics are gathered at the end.
 */
export function pgcopydb(program: string, jobs: number): Contender {
  return {
    name: `pgcopydb clone --use-copy-binary, ${jobs} jobs`,
    isPeer: true,
    prepare:
      async ({ source, target, programs, folder }) =>
      async () => {
        const work = join(folder, 'pgcopydb');
        const many = ['--table-jobs', String(jobs), '--index-jobs', String(jobs)];
        const flags = ['--use-copy-binary', '--no-owner', '--no-acl', '--skip-vacuum', '--dir', work];
        try {
          await restoring({ target, programs }, async () => {
            await execa(
              program,
              ['clone', '--source', source, '--target', target, ...many, ...flags],
              cleanEnvironment(programs),
            );
          });
        } finally {
          await rm(work, { recursive: true, force: true });
        }
        return undefined;
      },
  };
}
