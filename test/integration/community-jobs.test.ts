import { describe, expect, test } from 'vitest';
import { restore } from '../../src/archive/restore.js';
import { followReadme } from '../archive/by-readme.js';
import { onStage, runAtOnce } from '../resume/stopped.js';
import { makeDatabaseBeside, makeDatabases } from './databases.js';
import { expectFaithfulMigration, migrateDatabase, withDump } from './ferry.js';
import { COMMUNITY_VERSIONS, communityPair, hasCommunity } from './servers.js';
import { query, queryValue, withFixedDisplay } from './sql.js';

/** What a user sees of a job; when it runs next is another matter on each server. */
const JOBS = `
SELECT job_id, application_name, schedule_interval::text, max_runtime::text, max_retries, retry_period::text,
       proc_schema, proc_name, owner, scheduled, fixed_schedule, config, initial_start AT TIME ZONE 'UTC' AS start,
       hypertable_schema, hypertable_name, check_schema, check_name
FROM timescaledb_information.jobs WHERE job_id >= 1000 ORDER BY job_id`;

/** Those that TimescaleDB makes for itself. */
const OWN_JOBS = JOBS.replace('>= 1000', '< 1000');

describe.skipIf(!hasCommunity).each(COMMUNITY_VERSIONS)(
  'jobs in TimescaleDB %s, community edition',
  (version) => {
    const extension = `CREATE EXTENSION timescaledb VERSION '${version}';`;
    const suffix = version.replaceAll('.', '_');

    test('every kind of policy is carried', async () => {
      const databases = await makeDatabases(
        await communityPair(),
        `jobs_policies_${suffix}`,
        `${extension}
      CREATE TABLE reading (at timestamptz NOT NULL, device int, value float8);
      SELECT create_hypertable('reading', 'at', chunk_time_interval => interval '1 day');
      CREATE INDEX by_device ON reading (device, at);
      INSERT INTO reading SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 hour', i % 3, i FROM generate_series(0, 99) i;
      ALTER TABLE reading SET (timescaledb.compress, timescaledb.compress_segmentby = 'device');
      CREATE MATERIALIZED VIEW daily WITH (timescaledb.continuous) AS
        SELECT time_bucket('1 day', at) AS day, sum(value) FROM reading GROUP BY 1 WITH NO DATA;
      SELECT add_retention_policy('reading', interval '100 years', initial_start => '2100-01-01 00:00+00');
      SELECT add_compression_policy('reading', interval '7 days', initial_start => '2100-01-01 00:00+00',
                                    schedule_interval => interval '3 hours');
      SELECT add_reorder_policy('reading', 'by_device', initial_start => '2100-01-01 00:00+00', timezone => 'Europe/Berlin');
      SELECT add_continuous_aggregate_policy('daily', NULL, interval '1 hour', interval '1 month',
                                             initial_start => '2100-01-01 00:00+00');
      SELECT add_retention_policy('daily', interval '200 years', initial_start => '2100-01-01 00:00+00');
      CREATE TABLE by_creation (at timestamptz NOT NULL);
      SELECT create_hypertable('by_creation', 'at');
      SELECT add_retention_policy('by_creation', drop_created_before => interval '100 years',
                                  initial_start => '2100-01-01 00:00+00');
      CREATE TABLE counted (number bigint NOT NULL);
      SELECT create_hypertable('counted', 'number', chunk_time_interval => 100);
      CREATE FUNCTION now_in_numbers() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT 1000::bigint';
      SELECT set_integer_now_func('counted', 'now_in_numbers');
      SELECT add_retention_policy('counted', 100000::bigint, initial_start => '2100-01-01 00:00+00');
      SELECT alter_job(1001, scheduled => false, max_retries => 3, retry_period => interval '7 minutes',
                       max_runtime => interval '1 hour');
      `,
      );
      await expectFaithfulMigration(databases);
      const jobs = await jobsOf(databases.source);
      expect(jobs.length).toBe(7);
      expect(await jobsOf(databases.target)).toEqual(jobs);
      // TimescaleDB 2.19.3 cannot run its own policy for chunks by their age: a job does on the target what it does there.
      for (const { job_id: id } of jobs) {
        const run = (url: string) =>
          query(url, `CALL run_job(${id})`).then(
            () => 'ran',
            (error: Error) => error.message,
          );
        expect(await run(databases.target), `job ${id}`).toBe(await run(databases.source));
      }
    });

    test('user-defined jobs keep their owners, schedules, settings and checks, on both sides', async () => {
      const databases = await makeDatabases(
        await communityPair(),
        `jobs_own_${suffix}`,
        `${extension}
      CREATE ROLE "jobs ""owner; ${version}" LOGIN;
      CREATE ROLE jobs_group_${suffix};
      GRANT jobs_group_${suffix} TO "jobs ""owner; ${version}";
      CREATE SCHEMA "jo;bs";
      GRANT ALL ON SCHEMA "jo;bs" TO "jobs ""owner; ${version}", jobs_group_${suffix};
      CREATE TABLE "jo;bs".log (what text);
      GRANT ALL ON "jo;bs".log TO PUBLIC;
      CREATE PROCEDURE "jo;bs"."do; it"(job_id int, config jsonb) LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO "jo;bs".log VALUES (config ->> 'what'); COMMIT; END $$;
      CREATE FUNCTION "jo;bs".as_function(job_id int, config jsonb) RETURNS void LANGUAGE sql AS
        $$ INSERT INTO "jo;bs".log VALUES ('function') $$;
      CREATE FUNCTION "jo;bs".check_config(config jsonb) RETURNS void LANGUAGE plpgsql AS $$
        BEGIN IF config ->> 'what' IS NULL THEN RAISE 'config must say what'; END IF; END $$;
      SELECT add_job('"jo;bs"."do; it"', interval '1 hour', config => '{"what": "it''s; \\"this\\""}',
                     initial_start => '2100-01-01 00:00+00', check_config => '"jo;bs".check_config'::regproc);
      SELECT add_job('"jo;bs".as_function', interval '1 month', initial_start => '2100-01-01 00:00+00',
                     timezone => 'Europe/Berlin', fixed_schedule => false, scheduled => false);
      SET ROLE "jobs ""owner; ${version}";
      SELECT add_job('"jo;bs"."do; it"', interval '1 day', config => '{"what": "mine"}',
                     initial_start => '2100-01-01 00:00+00');
      SET ROLE jobs_group_${suffix};
      RESET ROLE;
      `,
      );
      const before = await jobsOf(databases.source);
      await expectFaithfulMigration(databases);
      expect(await jobsOf(databases.target)).toEqual(before);
      expect(await jobsOf(databases.source)).toEqual(before);
      for (const { job_id: id } of before) await query(databases.target, `CALL run_job(${id})`);
      expect(
        await queryValue(databases.target, `SELECT string_agg(what, ',' ORDER BY what) FROM "jo;bs".log`),
      ).toBe(`function,it's; "this",mine`);
      await expect(query(databases.target, `SELECT alter_job(1000, config => '{}')`)).rejects.toThrow(
        'must say what',
      );
    });

    test('a job that somebody gives another start during the run keeps that', async () => {
      const databases = await makeDatabases(
        await communityPair(),
        `jobs_moved_${suffix}`,
        `${extension}
      CREATE PROCEDURE nothing(job_id int, config jsonb) LANGUAGE sql AS 'SELECT 1';
      CREATE TABLE t (a int);
      SELECT add_job('nothing', interval '1 hour', initial_start => now() + interval '5 minutes', fixed_schedule => false);
      SELECT add_job('nothing', interval '1 hour', initial_start => now() + interval '5 minutes', fixed_schedule => false);`,
      );
      const starts = () =>
        query<{ id: number; next: string }>(
          withFixedDisplay(databases.source),
          'SELECT job_id AS id, next_start::text AS next FROM timescaledb_information.jobs WHERE job_id >= 1000 ORDER BY 1',
        );
      const [, second] = await starts();
      const { notices } = await migrateDatabase(databases, {
        onEvent: onStage('rows and indexes', () =>
          runAtOnce(
            databases.programs,
            databases.source,
            `SELECT alter_job(1000, next_start => '2098-01-01 00:00+00')`,
          ),
        ),
      });
      expect(await starts()).toEqual([{ id: 1000, next: '2098-01-01 00:00:00+00' }, second]);
      expect(notices.filter((notice) => notice.includes('put back'))).toEqual([
        'a background job of the source was not put back: job 1000: others have given it another start meanwhile, which it keeps',
      ]);
    });

    test('jobs wait on the target for as long as on the source, and those of TimescaleDB itself are set as there', async () => {
      const script = `${extension}
      CREATE TABLE old_reading (at timestamptz NOT NULL);
      SELECT create_hypertable('old_reading', 'at');
      INSERT INTO old_reading VALUES ('2001-01-01');
      CREATE TABLE log (job int);
      CREATE PROCEDURE note(job_id int, config jsonb) LANGUAGE sql AS 'INSERT INTO public.log VALUES (job_id)';
      SELECT add_retention_policy('old_reading', interval '1 year', initial_start => '2098-01-01 00:00+00', timezone => 'Asia/Tokyo');
      SELECT add_job('note', interval '1 hour', initial_start => '2099-01-01 00:00+00');
      SELECT add_job('note', interval '1 hour', initial_start => '2099-01-01 00:00+00');
      SELECT alter_job(1002, next_start => 'infinity');
      SELECT add_job('note', interval '20 years', initial_start => now() + interval '5 minutes', fixed_schedule => false);
      SELECT add_job('note', interval '1 hour', initial_start => '2099-01-01 00:00+00');
      SELECT alter_job(1004, next_start => '2097-01-01 00:00+00', scheduled => false);
      SELECT alter_job(job_id, schedule_interval => interval '1 month 2 days', max_retries => 7, scheduled => false,
                       config => config || '{"drop_after": "3 months", "note": "it''s ours"}')
      FROM timescaledb_information.jobs WHERE job_id < 1000;`;
      const { source, programs } = await makeDatabases(await communityPair(), `jobs_wait_${suffix}`, script);
      // On the source's server: the target's runs no jobs.
      const migrated = await makeDatabaseBeside(source);
      const restored = await makeDatabaseBeside(migrated);
      const byHand = await makeDatabaseBeside(restored);
      const starts = (url: string) =>
        query<{ id: number; next: string }>(
          withFixedDisplay(url),
          'SELECT job_id AS id, next_start::text AS next FROM timescaledb_information.jobs WHERE job_id >= 1000 ORDER BY 1',
        );
      const expected = await starts(source);
      const ownJobs = await query(source, OWN_JOBS);
      expect(ownJobs).toContainEqual(expect.objectContaining({ max_retries: 7, scheduled: false }));
      await migrateDatabase({ source, target: migrated, programs });
      await withDump({ source, programs }, async (from) => {
        await restore({ from, target: restored, jobs: 2 });
        await followReadme(from, byHand, programs);
      });
      // Their jobs are at work: one that may run does.
      for (const url of [migrated, restored, byHand]) {
        expect(await starts(url)).toEqual(expected);
        expect(await query(url, OWN_JOBS)).toEqual(ownJobs);
        await query(url, 'SELECT alter_job(1001, next_start => now())');
        await expect
          .poll(() => query(url, 'SELECT job FROM log'), { timeout: 60_000 })
          .toEqual([{ job: 1001 }]);
        expect(await query(url, 'SELECT FROM old_reading')).toHaveLength(1);
      }
    });
  },
);

function jobsOf(url: string): Promise<{ job_id: number }[]> {
  return query(withFixedDisplay(url), JOBS);
}
