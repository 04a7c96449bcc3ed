import { describe, expect, test } from 'vitest';
import { type Databases, makeDatabases } from '../integration/databases.js';
import { COMMUNITY_VERSIONS, communityPair, hasCommunity } from '../integration/servers.js';
import { query, queryValue, runScript } from '../integration/sql.js';
import { expectFinding, expectFires, expectSilence, expectSilent, findingsOf } from './findings.js';
import { altered, checkPair } from './pair.js';

const NEVER = `initial_start => '2100-01-01 00:00+00'`;

describe.skipIf(!hasCommunity).each(COMMUNITY_VERSIONS)(
  'background jobs of TimescaleDB %s, community edition',
  (version) => {
    const make = async (name: string, script: string): Promise<Databases> =>
      makeDatabases(
        await communityPair(),
        `check_${name}_${version.replaceAll('.', '_')}`,
        `CREATE EXTENSION timescaledb VERSION '${version}';
         CREATE PROCEDURE nap(job_id int, config jsonb) LANGUAGE plpgsql AS
           $$ BEGIN PERFORM pg_sleep((config ->> 'seconds')::float8); END $$;
         ${script}`,
      );

    test('jobs-held names the jobs that migrate puts off, not those of the extension or those switched off', async () => {
      const databases = await make(
        'held',
        `SELECT add_job('nap', '1 day', ${NEVER}, scheduled => false, config => '{"seconds": 0}');`,
      );
      await expectSilent(databases, 'jobs-held');
      await query(databases.source, `SELECT add_job('nap', '1 day', ${NEVER}, config => '{"seconds": 0}')`);
      const findings = await findingsOf(databases);
      expectFinding(findings, { id: 'jobs-held', severity: 'note', objects: ['job 1001 (nap)'] });
      expectSilence(findings, 'jobs-running');
      expectSilence(findings, 'jobs-of-others');
    });

    test('jobs-running names a job that runs, until it ends', async () => {
      const databases = await make('running', '');
      await expectSilent(databases, 'jobs-running');
      await query(databases.source, `SELECT add_job('nap', '1 day', config => '{"seconds": 600}')`);
      const status = `SELECT job_status FROM timescaledb_information.job_stats WHERE job_id = 1000`;
      await expect
        .poll(() => queryValue(databases.source, status), { timeout: 60_000, interval: 200 })
        .toBe('Running');
      await expectFires(databases, { id: 'jobs-running', severity: 'warning', objects: ['job 1000 (nap)'] });
      await query(databases.source, 'SELECT delete_job(1000)');
      await expect
        .poll(async () => (await findingsOf(databases)).map(({ id }) => id), { timeout: 60_000 })
        .not.toContain('jobs-running');
    });

    test('jobs-of-others names the jobs of roles that the connecting one is no member of, and its mend helps', async () => {
      const suffix = version.replaceAll('.', '_');
      const [reader, owner] = [`check_jobs_reader_${suffix}`, `check_jobs_owner_${suffix}`];
      const databases = await make(
        'jobs_of_others',
        `CREATE ROLE ${owner} LOGIN; CREATE ROLE ${reader} LOGIN IN ROLE pg_read_all_data;
         SET ROLE ${owner};
         SELECT add_job('nap', '1 day', ${NEVER}, config => '{"seconds": 0}');
         RESET ROLE;
         SET ROLE ${reader};
         SELECT add_job('nap', '1 day', ${NEVER}, config => '{"seconds": 0}');`,
      );
      await expectSilent(databases, 'jobs-of-others');
      const asReader = { ...databases, source: altered(databases.source, { username: reader }) };
      const findings = await findingsOf(asReader);
      const finding = expectFinding(findings, {
        id: 'jobs-of-others',
        severity: 'warning',
        objects: ['job 1000 (nap)'],
        says: reader,
      });
      expectFinding(findings, { id: 'jobs-held', severity: 'note', objects: ['job 1001 (nap)'] });

      const grant = finding.mend.split(';')[0]?.replace("the jobs' owners", owner);
      await runScript(databases.programs, databases.source, `${grant};`);
      await expectSilent(asReader, 'jobs-of-others');
    });
  },
);

test('a database without TimescaleDB has no background jobs to speak of', async () => {
  const databases = await makeDatabases(await checkPair(), 'check_jobs_plain', '');
  const ids = (await findingsOf(databases)).map(({ id }) => id);
  expect(ids.filter((id) => id.startsWith('jobs-'))).toEqual([]);
});
