import { setTimeout as sleep } from 'node:timers/promises';
import { databaseError } from '../postgres/database-error.js';
import { HyperferryError } from '../postgres/error.js';
import { quoteIdentifier } from '../postgres/quoting.js';
import type { Session } from '../postgres/session.js';
import type { Timescale } from './timescale.js';

/** The background jobs of a source, held off until `release`. */
export interface HeldJobs {
  readonly ids: readonly number[];
  /** Jobs that the connecting role may not hold off, or that `alter_job()` refuses to change. */
  readonly notHeld: readonly number[];
  /** Puts each job back to the time at which it would have run. */
  release(): Promise<void>;
}

/** A background job of the user's: a policy, or one of `add_job()`. */
export interface Job {
  readonly id: number;
  readonly procedure: string;
  readonly owner: string;
  readonly nextStart: string | null;
  readonly isRunning: boolean;
  readonly mayAlter: boolean;
}

/**
 * How long a job is put off, and how often that is renewed. A Hyperferry that dies renews no more, and the jobs run
 * again by themselves a quarter of an hour later at the latest.
 */
const PUT_OFF = '15 minutes';
const RENEW_MILLISECONDS = 5 * 60_000;
const POLL_MILLISECONDS = 500;

/**
 * User jobs and policies have ids from 1000; those below are the extension's own and do not change what is copied.
 * The view serves all 2.x versions: the tables behind it have moved.
 */
const READ_JOBS = `
SELECT j.job_id AS id, j.proc_name AS procedure, 
       pg_catalog.pg_get_userbyid(pg_catalog.to_regrole(j.owner::text)::oid)::text AS owner, j.next_start::text AS "nextStart", COALESCE(s.job_status = 'Running', false) AS "isRunning",
       pg_catalog.pg_has_role(j.owner, 'MEMBER') AS "mayAlter"
FROM timescaledb_information.jobs j
LEFT JOIN timescaledb_information.job_stats s ON s.job_id = j.job_id
WHERE j.job_id >= 1000 AND j.scheduled
ORDER BY j.job_id`;

/**
 * Keeps the background jobs of the database from running: a job that compresses, drops or reorders a chunk changes
 * it in a way that a snapshot does not see. Waits for the jobs that run now.
 *
 * Each job's next start is moved into the future and moved on while it is held; nothing else would end by itself
 * when Hyperferry is killed, and no lock is taken. The session is used for renewals until `release`.
 */
export async function holdJobs(
  session: Session,
  timescale: Timescale,
  options: {
    waitSeconds: number;
    onWait: (jobs: readonly number[]) => void;
    signal?: AbortSignal | undefined;
  },
): Promise<HeldJobs> {
  const original = new Map<number, string | null>();
  const refused = new Set<number>();
  const putBack = async (): Promise<void> => {
    for (const [id, nextStart] of original) {
      // A job without a start of its own, or that was to run long ago, is due now.
      const due = nextStart === null || nextStart === '-infinity' ? 'now' : nextStart;
      await alterJob(session, timescale, id, '$2::timestamptz', due);
    }
  };
  try {
    const deadline = Date.now() + options.waitSeconds * 1000;
    let announced = false;
    for (;;) {
      const jobs = await readJobs(session);
      for (const job of jobs.filter(({ mayAlter, isRunning }) => mayAlter && !isRunning)) {
        if (original.has(job.id) && !isDueSoon(job)) continue;
        if (refused.has(job.id)) continue;
        try {
          await alterJob(session, timescale, job.id, 'pg_catalog.now() + $2::interval', PUT_OFF);
          if (!original.has(job.id)) original.set(job.id, job.nextStart);
        } catch (error) {
          // alter_job() checks a job's whole configuration, and refuses some that it has made itself.
          if (!databaseError(error)) throw error;
          refused.add(job.id);
        }
      }
      const running = jobs.filter(({ isRunning }) => isRunning).map(({ id }) => id);
      if (running.length === 0) {
        const notHeld = jobs.filter(({ id, mayAlter }) => !mayAlter || refused.has(id)).map(({ id }) => id);
        return hold(session, timescale, original, putBack, notHeld);
      }
      if (!announced) options.onWait(running);
      announced = true;
      if (Date.now() > deadline) {
        throw new HyperferryError(
          'UNSUITABLE',
          `expected the source's background jobs to end within ${options.waitSeconds} s, but these still run: ${running.join(', ')}`,
          { hint: 'Run again when they have ended: SELECT * FROM timescaledb_information.job_stats;' },
        );
      }
      await sleep(POLL_MILLISECONDS, undefined, options.signal ? { signal: options.signal } : {});
    }
  } catch (error) {
    await putBack().catch(() => {
      // The connection is gone; the jobs run again by themselves.
    });
    throw error;
  }
}

function hold(
  session: Session,
  timescale: Timescale,
  original: ReadonlyMap<number, string | null>,
  putBack: () => Promise<void>,
  notHeld: readonly number[],
): HeldJobs {
  let renewal = Promise.resolve();
  const renew = async (): Promise<void> => {
    for (const id of original.keys()) {
      await alterJob(session, timescale, id, 'pg_catalog.now() + $2::interval', PUT_OFF);
    }
  };
  const timer = setInterval(() => {
    renewal = renew().catch(() => {
      // A job that runs after all rewrites chunks, and the guard of each copy sees that.
    });
  }, RENEW_MILLISECONDS);
  timer.unref();
  return {
    ids: [...original.keys()],
    notHeld,
    release: async () => {
      clearInterval(timer);
      await renewal;
      await putBack();
    },
  };
}

/** The jobs that would run. */
export async function readJobs(session: Session): Promise<Job[]> {
  return session.query<Job & Record<string, unknown>>(READ_JOBS);
}

/** A job that ended while it was waited for has written its own next start. */
function isDueSoon({ nextStart }: Job): boolean {
  if (nextStart === null || nextStart === '-infinity') return true;
  return new Date(nextStart).getTime() < Date.now() + 10 * 60_000;
}

async function alterJob(
  session: Session,
  timescale: Timescale,
  id: number,
  nextStart: string,
  value: string,
): Promise<void> {
  await session.query(
    `SELECT ${quoteIdentifier(timescale.schema)}.alter_job($1::int, next_start => ${nextStart})`,
    [id, value],
  );
}
