import { join } from 'node:path';
import { execa } from 'execa';
import { query } from '../integration/sql.js';

/** What `pg_dump` leaves out: settings (the restore mode is one), and when background jobs run. */
const READ_SETTINGS = `
SELECT pg_catalog.concat_ws(' ', s.setrole::pg_catalog.regrole::text, s.setconfig::text) AS line
FROM pg_catalog.pg_db_role_setting s JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
WHERE d.datname = pg_catalog.current_database() ORDER BY 1`;

const READ_EXTENSIONS = `
SELECT pg_catalog.concat_ws(' ', extname, extversion) AS line FROM pg_catalog.pg_extension ORDER BY 1`;

/**
 * All that a migration could change in a database: its definitions and rows, settings, extensions and background
 * jobs. Roles belong to the server, where other tests' migrations make some at the same time: see `rolesOf`.
 */
export async function stateOf(url: string, programs: string): Promise<string[]> {
  const { stdout } = await execa(join(programs, 'pg_dump'), ['-d', url]);
  // The key is another one for each dump.
  const dump = stdout.split('\n').filter((line) => !/^\\(un)?restrict /.test(line));
  const properties = [READ_SETTINGS, READ_EXTENSIONS].map((text) => query<{ line: string }>(url, text));
  const lines = (await Promise.all(properties)).flat().map(({ line }) => line);
  return [...dump, ...lines, ...(await jobsOf(url))];
}

/** The roles of a server, with their attributes, passwords and memberships. */
export async function rolesOf(url: string, programs: string): Promise<string[]> {
  const { stdout } = await execa(join(programs, 'pg_dumpall'), ['--roles-only', '-d', url]);
  return stdout.split('\n').filter((line) => !/^\\(un)?restrict /.test(line));
}

/** Each background job of the user's with the time at which it runs next. */
export async function jobsOf(url: string): Promise<string[]> {
  const [extension] = await query(url, `SELECT FROM pg_catalog.pg_extension WHERE extname = 'timescaledb'`);
  if (!extension) return [];
  const rows = await query<{ line: string }>(
    url,
    `SELECT pg_catalog.concat_ws(' ', job_id::text, scheduled::text, schedule_interval::text,
              pg_catalog.extract('epoch', next_start)::text, config::text) AS line
     FROM timescaledb_information.jobs WHERE job_id >= 1000 ORDER BY job_id`,
  );
  return rows.map(({ line }) => line);
}

/** Sessions of Hyperferry and of the programs that it starts, in one database. */
export async function sessionsOfHyperferry(url: string): Promise<string[]> {
  const rows = await query<{ name: string }>(
    url,
    `SELECT application_name AS name FROM pg_catalog.pg_stat_activity
     WHERE datname = pg_catalog.current_database() AND application_name IN ('hyperferry', 'pg_dump')`,
  );
  return rows.map(({ name }) => name);
}
