import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { MigrateOptions } from '../../src/index.js';
import type { Databases } from '../integration/databases.js';
import { migrateDatabase } from '../integration/ferry.js';
import { communityPair, hasCommunity } from '../integration/servers.js';
import { query, runScript } from '../integration/sql.js';
import { makeReadings } from './readings.js';
import { failureOf } from './refusal.js';
import { jobsOf } from './state.js';

/** Policies and jobs of the user's: due at odd times, one that is off, one with a schedule of its own. */
const JOBS = `
ALTER TABLE reading SET (timescaledb.compress, timescaledb.compress_segmentby = 'device');
SELECT add_compression_policy('reading', interval '100 years');
SELECT add_retention_policy('reading', interval '100 years');
CREATE PROCEDURE mine(job_id int, config jsonb) LANGUAGE plpgsql AS 'BEGIN END';
SELECT add_job('mine', '1 hour', config => '{"a": 1}', fixed_schedule => false);
SELECT add_job('mine', '1 day', scheduled => false);
SELECT add_job('mine', '3 days', initial_start => now() + interval '2 days');
SELECT _timescaledb_functions.stop_background_workers();
SELECT alter_job(job_id, next_start => now() + interval '3 minutes' + job_id * interval '0.1234567 seconds')
FROM timescaledb_information.jobs WHERE job_id >= 1000 AND scheduled;`;

describe.skipIf(!hasCommunity)(
  `the source's background jobs${hasCommunity ? '' : ' (skipped: no community edition)'}`,
  () => {
    test('are put off while the copy runs, and run afterwards when they would have', async () => {
      const databases = await makeJobs('bad_jobs');
      const before = await jobsOf(databases.source);
      expect(before).toHaveLength(5);
      const during: string[] = [];
      await migrateDatabase(databases, { onEvent: inTheMiddle(() => during.push(...soonOf(databases))) });
      expect(
        during.filter((line) => line !== ''),
        'jobs that may run within ten minutes, during the copy',
      ).toEqual([]);
      expect(await jobsOf(databases.source)).toEqual(before);
    });

    test('are put back after a run that failed', async () => {
      const databases = await makeJobs('bad_jobs_failed');
      const before = await jobsOf(databases.source);
      const { code } = await failureOf({
        ...databases,
        onEvent: inTheMiddle(() => psql(databases, 'TRUNCATE device')),
      });
      expect(code).toBe('SOURCE_CHANGED');
      expect(await jobsOf(databases.source)).toEqual(before);
    });

    test('are put back after a run that was interrupted', async () => {
      const databases = await makeJobs('bad_jobs_interrupted');
      const before = await jobsOf(databases.source);
      const controller = new AbortController();
      const { code } = await failureOf({
        ...databases,
        signal: controller.signal,
        onEvent: inTheMiddle(() => controller.abort()),
      });
      expect(code).toBe('INTERRUPTED');
      expect(await jobsOf(databases.source)).toEqual(before);
    });

    test('are put back when the target refuses a row', async () => {
      const databases = await makeJobs('bad_jobs_refused');
      await runScript(databases.programs, databases.source, 'CREATE TABLE t (a int)');
      await runScript(
        databases.programs,
        databases.source,
        `CREATE FUNCTION no() RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
           $$ BEGIN RETURN current_setting('say.yes', true) IS NOT DISTINCT FROM 'yes'; END $$;
         SET say.yes = 'yes'; INSERT INTO t VALUES (1); ALTER TABLE t ADD CHECK (no())`,
      );
      const before = await jobsOf(databases.source);
      const { code } = await failureOf({ ...databases });
      expect(code).toBe('COPY');
      expect(await jobsOf(databases.source)).toEqual(before);
    });

    test('that have never run are due at once afterwards, as they were before', async () => {
      const databases = await makeReadings(
        await communityPair(),
        'bad_jobs_never_run',
        `SELECT _timescaledb_functions.stop_background_workers();
         CREATE PROCEDURE mine(job_id int, config jsonb) LANGUAGE plpgsql AS 'BEGIN END';
         SELECT add_job('mine', '1 hour', fixed_schedule => false);`,
      );
      await migrateDatabase(databases);
      const [job] = await query<{ due: boolean }>(
        databases.source,
        `SELECT next_start IS NULL OR next_start <= now() AS due FROM timescaledb_information.jobs WHERE job_id >= 1000`,
      );
      expect(job).toEqual({ due: true });
    });
  },
);

async function makeJobs(name: string): Promise<Databases> {
  return makeReadings(await communityPair(), name, JOBS);
}

/** The run waits for what is done here: it does not return before. */
function inTheMiddle(act: () => void): NonNullable<MigrateOptions['onEvent']> {
  return (event) => {
    if (event.type === 'stage-started' && event.stage === 'schema') act();
  };
}

function soonOf(databases: Databases): string[] {
  return psql(
    databases,
    `SELECT job_id, next_start FROM timescaledb_information.jobs
     WHERE job_id >= 1000 AND scheduled AND (next_start IS NULL OR next_start < now() + interval '10 minutes')`,
  ).split('\n');
}

function psql({ programs, source }: Databases, sql: string): string {
  return execFileSync(join(programs, 'psql'), ['-X', '-q', '-A', '-t', '-c', sql, source], {
    encoding: 'utf8',
  });
}
