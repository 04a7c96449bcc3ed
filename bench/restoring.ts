import { join } from 'node:path';
import { execa } from 'execa';

/** Runs `work` between the two calls of the published procedure, and gathers statistics at the end. */
export async function restoring(
  { target, programs }: { readonly target: string; readonly programs: string },
  work: () => Promise<void>,
): Promise<void> {
  const sql = (command: string) => execa(join(programs, 'psql'), ['-qAt', '-d', target, '-c', command]);
  await sql('CREATE EXTENSION IF NOT EXISTS timescaledb');
  await sql('SELECT timescaledb_pre_restore()');
  await work();
  await sql('SELECT timescaledb_post_restore()');
  await sql('ANALYZE');
}
