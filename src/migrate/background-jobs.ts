import { putJobOff } from '../timescale/jobs.js';
import { LEAVE_RESTORE_MODE_IN_SESSION } from '../timescale/timescale.js';
import { type Stage, withTargetSession } from './migration.js';
import { type Excuse, runStatements } from './run-statements.js';

/**
 * Puts the background jobs off until they would have run on the source: without, a policy that is to drop chunks in a year
 * would drop them as soon as restore mode has ended. Needs TimescaleDB's hooks.
 */
export const backgroundJobs: Stage = async (migration) => {
  const { plan, source } = migration;
  const { timescale } = plan.source;
  const { jobStarts } = source.snapshot;
  if (!timescale || jobStarts.length === 0) return;
  await withTargetSession(migration, async (session) => {
    if (plan.target.server.isSuperuser) await session.query(LEAVE_RESTORE_MODE_IN_SESSION);
    await runStatements(
      session,
      jobStarts.map((job) => ({
        sql: putJobOff(job, timescale),
        object: `next start of background job ${job.id}`,
      })),
      { excuse: excuseJob, leaveOut: migration.leaveOut },
    );
  });
};

/** `alter_job()` checks a job's whole configuration, and refuses some that TimescaleDB has made itself. */
const excuseJob: Excuse = ({ object, sql }, error) => ({
  object,
  reason: `${error.message}; the job runs as soon as restore mode has ended`,
  sql,
});
