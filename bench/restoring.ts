import { execa } from 'execa';
import { cleanEnvironment } from './clean-environment.js';

/** Runs `work` between the two calls of the published procedure, and gathers statistics at the end as it does. */
export async function restoring(
  { target, programs }: { readonly target: string; readonly programs: string },
  work: () => Promise<void>,
): Promise<void> {
  await inRestoreMode({ target, programs }, work);
  await runSql({ target, programs }, 'ANALYZE');
}

/** Runs `work` between the two calls of the published procedure. */
export async function inRestoreMode(
  on: { readonly target: string; readonly programs: string },
  work: () => Promise<void>,
): Promise<void> {
  await runSql(on, 'CREATE EXTENSION IF NOT EXISTS timescaledb');
  await runSql(on, 'SELECT timescaledb_pre_restore()');
  await work();
  await runSql(on, 'SELECT timescaledb_post_restore()');
}

async function runSql(
  { target, programs }: { readonly target: string; readonly programs: string },
  command: string,
): Promise<void> {
  await execa('psql', ['-XqAt', '-d', target, '-c', command], cleanEnvironment(programs));
}
