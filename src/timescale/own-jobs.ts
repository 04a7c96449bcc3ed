import { quoteIdentifier, quoteLiteral } from '../postgres/quoting.js';
import type { Session } from '../postgres/session.js';
import type { Timescale } from './timescale.js';

/**
 * A job that the extension made for itself: telemetry, the retention of the jobs' history. Its row is not part of a dump
 * (`extcondition` of the table: `id >= 1000`), so that what a user has set with `alter_job()` is lost.
 */
export interface OwnJob {
  readonly id: number;
  readonly procedure: string;
  /** By the names of `alter_job()`'s parameters. */
  readonly settings: Readonly<Record<keyof typeof SETTINGS, string | null>>;
}

const SETTINGS = {
  schedule_interval: 'interval',
  max_runtime: 'interval',
  max_retries: 'int4',
  retry_period: 'interval',
  scheduled: 'bool',
  config: 'jsonb',
} as const;

const READ_OWN_JOBS = `
SELECT job_id AS id, proc_name AS procedure,
       pg_catalog.jsonb_build_object(${Object.keys(SETTINGS).map((name) => `'${name}', ${name}::text`)}) AS settings
FROM timescaledb_information.jobs
WHERE job_id < 1000
ORDER BY job_id`;

export function readOwnJobs(session: Session): Promise<OwnJob[]> {
  return session.query<OwnJob & Record<string, unknown>>(READ_OWN_JOBS);
}

/**
 * SQL that gives the job of another server the same settings, where they differ: the Apache edition has no `alter_job()`,
 * and others may not call it. Bytes are compared: a month is no 30 days.
 */
export function setOwnJob(
  { id, procedure, settings }: OwnJob,
  { schema }: Pick<Timescale, 'schema'>,
): string {
  const values = Object.entries(SETTINGS).map(([name, type]) => {
    const value = settings[name as keyof typeof SETTINGS];
    return { name, sql: `${value === null ? 'NULL' : quoteLiteral(value)}::${type}` };
  });
  const names = values.map(({ name }) => name).join(', ');
  const given = values.map(({ sql }) => sql).join(', ');
  return `SELECT ${quoteIdentifier(schema)}.alter_job(job_id, ${values.map(({ name, sql }) => `${name} => ${sql}`).join(', ')})
FROM timescaledb_information.jobs
WHERE job_id = ${id} AND proc_name = ${quoteLiteral(procedure)}
  AND NOT pg_catalog.record_image_eq(ROW(${names}), ROW(${given}));`;
}
