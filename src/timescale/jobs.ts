import { setTimeout as sleep } from 'node:timers/promises';
import { databaseError } from '../postgres/database-error.js';
import { HyperferryError } from '../postgres/error.js';
import { quoteIdentifier } from '../postgres/quoting.js';
import type { Session } from '../postgres/session.js';
import { isTransient } from '../postgres/transient.js';
import type { Timescale } from './timescale.js';

/** The background jobs of a source, held off until `release`. */
export interface HeldJobs {
  readonly ids: readonly number[];
  /** Jobs that the connecting role may not hold off, or that `alter_job()` refuses to change. */
  readonly notHeld: readonly number[];
  /** When each would have run next. */
  readonly starts: readonly JobStart[];
  /**
   * Puts each job back to the time at which it would have run.
   * @returns what could not be put back; it runs by itself when the time is over
   */
  release(): Promise<string[]>;
}

/** A background job of the user's: a policy, or one of `add_job()`. */
export interface Job {
  readonly id: number;
  readonly procedure: string;
  readonly owner: string;
  readonly nextStart: string | null;
  /** Not, while it is switched off. */
  readonly isScheduled: boolean;
  /** Whether it would run within the time for which jobs are put off. */
  readonly isDue: boolean;
  /** Of its schedule; `alter_job()` forgets it where it is not given again. */
  readonly timeZone: string | null;
  readonly isRunning: boolean;
  readonly mayAlter: boolean;
}

/** When a background job runs next, as its table of statistics has it, which no dump holds. */
export type JobStart = Pick<Job, 'id' | 'nextStart' | 'timeZone'>;

/**
 * How long a job is put off, and how often that is renewed. A Hyperferry that dies renews no more, and the jobs run
 * again by themselves a quarter of an hour later at the latest.
 */
const PUT_OFF = '15 minutes';
const RENEW_MILLISECONDS = 5 * 60_000;
const POLL_MILLISECONDS = 500;

/**
 * User jobs and policies have ids from 1000; those below are the extension's own and do not change what is copied.
 * The views serve all 2.x versions, but do not tell the time zone: `JOBS` is the table behind them, which has moved. Due
 * is what would run before a put-off ends and is renewed; one that is paused (`infinity`) stays so.
 */
const READ_JOBS = `
SELECT j.job_id AS id, j.proc_name AS procedure, j.next_start::text AS "nextStart",
       j.scheduled AS "isScheduled", pg_catalog.pg_get_userbyid(pg_catalog.to_regrole(j.owner::text)::oid)::text AS owner,
       COALESCE(j.next_start <= pg_catalog.now() + interval '20 minutes', true) AS "isDue",
       pg_catalog.to_jsonb(b)->>'timezone' AS "timeZone",
       COALESCE(s.job_status = 'Running', false) AS "isRunning",
       pg_catalog.pg_has_role(j.owner, 'MEMBER') AS "mayAlter"
FROM timescaledb_information.jobs j
JOIN JOBS b ON b.id = j.job_id
LEFT JOIN timescaledb_information.job_stats s ON s.job_id = j.job_id
WHERE j.job_id >= 1000
ORDER BY j.job_id`;

const FIND_JOB_TABLE = `
SELECT COALESCE(pg_catalog.to_regclass('_timescaledb_catalog.bgw_job'),
                pg_catalog.to_regclass('_timescaledb_config.bgw_job'))::text AS name`;

/** The jobs that would run. */
export async function readScheduledJobs(session: Session): Promise<Job[]> {
  return (await readJobs(session)).filter(({ isScheduled }) => isScheduled);
}

async function readJobs(session: Session): Promise<Job[]> {
  const { name } = await session.one<{ name: string }>(FIND_JOB_TABLE);
  return session.query<Job & Record<string, unknown>>(READ_JOBS.replace('JOBS', name));
}

/**
 * Keeps the background jobs of the database from running: a job that compresses, drops or reorders a chunk changes
 * it in a way that a snapshot does not see. Waits for the jobs that run now.
 *
 * Each due job's next start is moved into the future and moved on while it is held; nothing else would end by itself
 * when Hyperferry is killed.
 *
 * @param open gives a session of its own, which is used until `release`; called again when that is lost
 */
export async function holdJobs(
  open: () => Promise<Session>,
  timescale: Timescale,
  options: {
    waitSeconds: number;
    onWait: (jobs: readonly number[]) => void;
    signal?: AbortSignal | undefined;
  },
): Promise<HeldJobs> {
  const holding = new Holding(open, timescale);
  try {
    const deadline = Date.now() + options.waitSeconds * 1000;
    for (let announced = false; ; announced = true) {
      const running = await holding.putOff();
      if (running.length === 0) return holding.keep();
      if (!announced) options.onWait(running);
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
    await holding.end().catch(() => {
      // They run by themselves when the time is over; the first error says what is wrong.
    });
    throw error;
  }
}

interface HeldJob {
  /** When it would have run. */
  readonly original: JobStart;
  /** Until when it is put off. */
  readonly until: string | undefined;
}

type Altered =
  | { readonly state: 'altered'; readonly nextStart: string | undefined }
  | { readonly state: 'refused'; readonly reason: string };

/** The jobs that are put off, with the times at which they would have run. */
class Holding {
  readonly #open: () => Promise<Session>;
  #session: Session | undefined;
  readonly #timescale: Timescale;
  readonly #starts = new Map<number, JobStart>();
  readonly #held = new Map<number, HeldJob>();
  readonly #refused = new Set<number>();

  constructor(open: () => Promise<Session>, timescale: Timescale) {
    this.#open = open;
    this.#timescale = timescale;
  }

  /** Puts off what is due. @returns the ids of jobs that run now */
  async putOff(): Promise<number[]> {
    const jobs = await this.#inSession(readJobs);
    for (const job of jobs) {
      if (!job.isRunning && !this.#held.has(job.id)) this.#starts.set(job.id, job);
      if (!job.isScheduled) continue;
      if (!job.mayAlter) this.#refused.add(job.id);
      if (job.isRunning || !job.isDue || this.#refused.has(job.id)) continue;
      const altered = await this.#alter(job, 'pg_catalog.now() + $2::interval', PUT_OFF);
      // alter_job() checks a job's whole configuration, and refuses some that it has made itself.
      if (altered.state === 'refused') {
        this.#refused.add(job.id);
        continue;
      }
      const held = this.#held.get(job.id);
      // Somebody else may have given it another start since.
      const original = held?.until === job.nextStart ? held.original : job;
      this.#held.set(job.id, { original, until: altered.nextStart });
    }
    return jobs.filter(({ isRunning }) => isRunning).map(({ id }) => id);
  }

  /** Goes on putting off until the release. */
  keep(): HeldJobs {
    let renewal: Promise<unknown> = Promise.resolve();
    const timer = setInterval(() => {
      renewal = this.putOff().catch(() => {
        // A job that runs after all rewrites chunks, and the guard of each copy sees that.
      });
    }, RENEW_MILLISECONDS);
    timer.unref();
    return {
      ids: [...this.#held.keys()],
      notHeld: [...this.#refused],
      starts: [...this.#starts.values()].map(({ id, nextStart, timeZone }) => ({ id, nextStart, timeZone })),
      release: async () => {
        clearInterval(timer);
        await renewal;
        return this.end();
      },
    };
  }

  /** @returns what could not be put back */
  async end(): Promise<string[]> {
    try {
      return await this.#putBack();
    } finally {
      await this.#session?.close();
    }
  }

  async #putBack(): Promise<string[]> {
    const failures: string[] = [];
    for (const { original, until } of this.#held.values()) {
      const { id, nextStart } = original;
      // A job without a start of its own, or that was to run long ago, is due now.
      const due = nextStart === null || nextStart === '-infinity' ? 'now' : nextStart;
      const altered = await this.#alter(original, '$2::timestamptz', due, until).catch(
        (error: Error): Altered => ({ state: 'refused', reason: error.message }),
      );
      if (altered.state === 'refused') failures.push(`job ${id}: ${altered.reason}`);
      else if (altered.nextStart === undefined && (await this.#hasJob(id).catch(() => false))) {
        failures.push(`job ${id}: others have given it another start meanwhile, which it keeps`);
      }
    }
    return failures;
  }

  async #hasJob(id: number): Promise<boolean> {
    const jobs = await this.#inSession(readJobs);
    return jobs.some((job) => job.id === id);
  }

  /** @param from the start that it must still have: one that somebody else has given it meanwhile is theirs */
  async #alter({ id, timeZone }: JobStart, to: string, value: string, from?: string): Promise<Altered> {
    const values: (string | number)[] = [id, value];
    const parameter = (given: string): string => `$${values.push(given)}`;
    const zone = timeZone === null ? '' : `, timezone => ${parameter(timeZone)}`;
    const where =
      from === undefined
        ? ''
        : `AND EXISTS (SELECT FROM _timescaledb_internal.bgw_job_stat t
                       WHERE t.job_id = j.job_id AND t.next_start = ${parameter(from)}::timestamptz)`;
    const alterJob = `${quoteIdentifier(this.#timescale.schema)}.alter_job`;
    try {
      const [row] = await this.#inSession((session) =>
        session.query<{ nextStart: string }>(
          `SELECT (${alterJob}(job_id, next_start => ${to}, if_exists => true${zone})).next_start::text AS "nextStart"
           FROM timescaledb_information.jobs j WHERE job_id = $1::int ${where}`,
          values,
        ),
      );
      return { state: 'altered', nextStart: row?.nextStart };
    } catch (error) {
      const refusal = databaseError(error);
      if (!refusal) throw error;
      return { state: 'refused', reason: refusal.message };
    }
  }

  /** A session of its own that is made anew when it is lost: hours go by between its commands. */
  async #inSession<T>(work: (session: Session) => Promise<T>): Promise<T> {
    try {
      this.#session ??= await this.#open();
      return await work(this.#session);
    } catch (error) {
      if (!isTransient(error)) throw error;
      await this.#session?.close();
      this.#session = await this.#open();
      return work(this.#session);
    }
  }
}
