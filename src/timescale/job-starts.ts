import { quoteIdentifier, quoteLiteral } from '../postgres/quoting.js';
import type { JobStart } from './jobs.js';
import type { Timescale } from './timescale.js';

/** Whoever may not write the table asks for it: `alter_job()` checks the whole configuration of a job, and refuses some. */
export function askToPutJobOff(
  { id, nextStart, timeZone }: JobStart,
  { schema }: Pick<Timescale, 'schema'>,
): string {
  const zone = timeZone === null ? '' : `, timezone => ${quoteLiteral(timeZone)}`;
  const start = startOf(nextStart);
  return `SELECT ${quoteIdentifier(schema)}.alter_job(${id}, next_start => ${start}, if_exists => true${zone}) WHERE ${start} > pg_catalog.now();`;
}

/**
 * SQL that puts a job off on another server until it would have run on the one it comes from. A job that has no row here
 * runs at once; one that is due by then is left to. Needs a superuser. The row is that of a job which has never run
 * (bgw_job_stat_insert_relation() in TimescaleDB's src/bgw/job_stat.c), in the columns that the version has.
 */
export function putJobOff({ id, nextStart }: JobStart): string {
  const start = startOf(nextStart);
  const row = { ...NEVER_RUN, job_id: id, next_start: nextStart };
  return `INSERT INTO _timescaledb_internal.bgw_job_stat
SELECT (pg_catalog.jsonb_populate_record(NULL::_timescaledb_internal.bgw_job_stat, ${quoteLiteral(JSON.stringify(row))})).*
WHERE ${start} > pg_catalog.now() AND EXISTS (SELECT FROM timescaledb_information.jobs WHERE job_id = ${id})
ON CONFLICT (job_id) DO UPDATE SET next_start = EXCLUDED.next_start;`;
}

const NEVER_RUN = {
  last_start: '-infinity',
  last_finish: '-infinity',
  last_successful_finish: '-infinity',
  last_run_success: true,
  total_runs: 0,
  total_duration: '0',
  total_duration_failures: '0',
  total_successes: 0,
  total_failures: 0,
  total_crashes: 0,
  consecutive_failures: 0,
  consecutive_crashes: 0,
  flags: 0,
};

function startOf(nextStart: string | null): string {
  return `${quoteLiteral(nextStart ?? '-infinity')}::timestamptz`;
}
