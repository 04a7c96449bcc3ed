import { expect, test } from 'vitest';
import { expectEventually } from '../bad-input/processes.js';
import { makeReadings } from '../bad-input/readings.js';
import { SLOW_TABLE } from '../bad-input/slow-table.js';
import { sessionsOfHyperferry } from '../bad-input/state.js';
import { startHyperferry } from '../cli/command-line.js';
import { apachePair, communityPair, hasCommunity } from '../integration/servers.js';
import { query, queryValue } from '../integration/sql.js';

const LOCKS = `
SELECT DISTINCT l.mode, a.state IN ('active', 'idle in transaction') AS busy
FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE a.datname = current_database() AND a.application_name IN ('hyperferry', 'pg_dump') AND l.locktype = 'relation'`;

/** Due now, within the time for which jobs are put off, and later than that. */
const JOBS = `
SELECT _timescaledb_functions.stop_background_workers();
CREATE PROCEDURE mine(job_id int, config jsonb) LANGUAGE plpgsql AS 'BEGIN END';
SELECT add_job('mine', '1 hour', fixed_schedule => false) FROM generate_series(1, 3);
SELECT alter_job(job_id, next_start => now() + (job_id - 999) * interval '8 minutes')
FROM timescaledb_information.jobs WHERE job_id >= 1000;`;

test(`a run that is killed leaves nothing on the source but jobs that run by themselves${hasCommunity ? '' : ' (without jobs: no community edition)'}`, async () => {
  const pair = await (hasCommunity ? communityPair() : apachePair());
  const databases = await makeReadings(pair, 'killed_source', SLOW_TABLE + (hasCommunity ? JOBS : ''));
  const run = startHyperferry(['migrate', '--jobs', '2', '--pg-bin', databases.programs], {
    SOURCE: databases.source,
    TARGET: databases.target,
  });
  const stage = () => queryValue(databases.target, 'SELECT stage FROM _hyperferry.run').catch(() => 'none');
  await expectEventually(stage, 'rows and indexes', 'stage of the run', 60);
  await expectEventually(
    async () => (await query<{ mode: string }>(databases.source, LOCKS)).map(({ mode }) => mode),
    ['AccessShareLock'],
    'locks on relations of the source during the copy',
  );
  run.kill('SIGKILL');
  await run;
  await expectEventually(() => sessionsOfHyperferry(databases.source), [], 'sessions on the source');
  if (!hasCommunity) return;
  // The first two were due within twenty minutes and put off; the third runs when it always would have.
  const jobs = await query<{ scheduled: boolean; isSoon: boolean }>(
    databases.source,
    `SELECT scheduled, next_start BETWEEN now() + interval '10 minutes' AND now() + interval '15 minutes' AS "isSoon"
     FROM timescaledb_information.jobs WHERE job_id >= 1000 ORDER BY job_id`,
  );
  expect(jobs).toEqual([true, true, false].map((isSoon) => ({ scheduled: true, isSoon })));
});
