import { askToPutJobOff, putJobOff } from '../timescale/job-starts.js';
import { setOwnJob } from '../timescale/own-jobs.js';
import type { Stage } from './migration.js';
import { type Excuse, runStatements } from './run-statements.js';

/**
 * Puts the background jobs off until they would have run on the source: without, a policy that is to drop chunks in a year
 * would drop them as soon as restore mode has ended. TimescaleDB's own jobs are set as they are there.
 */
export const backgroundJobs: Stage = async ({ plan, source, target, leaveOut }) => {
  const { timescale } = plan.source;
  if (!timescale) return;
  const starts = source.snapshot.jobStarts.map((job) => ({
    sql: plan.target.server.isSuperuser ? putJobOff(job) : askToPutJobOff(job, timescale),
    object: `next start of background job ${job.id}`,
  }));
  await runStatements(target.session, starts, { excuse: excuseStart, leaveOut });
  const settings = plan.source.ownJobs.map((job) => ({
    sql: setOwnJob(job, timescale),
    object: `settings of TimescaleDB's own job ${job.id} (${job.procedure})`,
  }));
  await runStatements(target.session, settings, { excuse: excuseSettings, leaveOut });
};

const excuseStart: Excuse = ({ object, sql }, error) => ({
  object,
  reason: `${error.message}; the job runs as soon as restore mode has ended`,
  sql,
});

const excuseSettings: Excuse = ({ object, sql }, error) => ({ object, reason: error.message, sql });
