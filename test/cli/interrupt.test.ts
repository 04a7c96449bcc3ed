import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { expectEventually, isAlive } from '../bad-input/processes.js';
import { makeReadings } from '../bad-input/readings.js';
import { SLOW_TABLE } from '../bad-input/slow-table.js';
import { jobsOf, sessionsOfHyperferry, stateOf } from '../bad-input/state.js';
import type { Databases } from '../integration/databases.js';
import { apachePair, communityPair, hasCommunity } from '../integration/servers.js';
import { queryValue, withClient } from '../integration/sql.js';
import { Network } from '../resume/network.js';
import { startHyperferry } from './command-line.js';

const JOBS = `
ALTER TABLE reading SET (timescaledb.compress);
SELECT add_compression_policy('reading', interval '100 years');
SELECT add_retention_policy('reading', interval '100 years');
SELECT _timescaledb_functions.stop_background_workers();
SELECT alter_job(job_id, next_start => now() + interval '5 minutes' + job_id * interval '1 millisecond')
FROM timescaledb_information.jobs WHERE job_id >= 1000;`;

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`${signal} in the middle of the copy exits with 130, and leaves no session behind`, async () => {
    const pair = await (hasCommunity ? communityPair() : apachePair());
    const name = `cli_${signal.toLowerCase()}`;
    const databases = await makeReadings(pair, name, SLOW_TABLE + (hasCommunity ? JOBS : ''));
    const before = await stateOf(databases.source, databases.programs);
    const jobs = await jobsOf(databases.source);
    const run = start(databases);
    await expectEventually(() => stageOf(databases), 'rows and indexes', 'stage of the run', 60);
    if (hasCommunity) expect(await jobsOf(databases.source), 'jobs during the run').not.toEqual(jobs);

    const begun = performance.now();
    run.kill(signal);
    const { exitCode, stdout, stderr } = await run;
    expect({ exitCode, stdout }).toEqual({ exitCode: 130, stdout: '' });
    expect(performance.now() - begun, 'milliseconds until it ended').toBeLessThan(15_000);
    expect(stderr).toMatch(/interrupted/i);
    expect(stderr, 'what to do').toContain('--clean-target');
    expect(stderr, 'no stack trace').not.toMatch(/^ +at /m);
    await expectNoSessions(databases);
    expect(await stateOf(databases.source, databases.programs)).toEqual(before);
  });
}

test('an interruption while pg_dump runs ends pg_dump, and changes nothing', async () => {
  const databases = await makeReadings(await apachePair(), 'cli_int_dump');
  const before = await statesOf(databases);
  const folder = await mkdtemp(join(tmpdir(), 'hyperferry-slow-dump-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const script = `test "$1" = --version && echo 'pg_dump (PostgreSQL) 17.0' && exit; echo $$ > ${folder}/pid; exec sleep 600`;
  await writeFile(join(folder, 'pg_dump'), `#!/bin/sh\n${script}\n`);
  await chmod(join(folder, 'pg_dump'), 0o755);

  const run = start({ ...databases, programs: folder });
  const pid = async () => Number(await readFile(join(folder, 'pid'), 'utf8').catch(() => '0'));
  await expectEventually(async () => (await pid()) > 0, true, 'pg_dump runs', 60);
  run.kill('SIGINT');
  expect((await run).exitCode).toBe(130);
  await expectEventually(async () => isAlive(await pid()), false, 'pg_dump is alive');
  await expectNoSessions(databases);
  expect(await statesOf(databases)).toEqual(before);
});

test('an interruption while another session holds a lock on the source ends the run all the same', async () => {
  const databases = await makeReadings(await apachePair(), 'cli_int_lock');
  const before = await statesOf(databases);
  await withClient(databases.source, async (client) => {
    await client.query('BEGIN; LOCK TABLE device IN ACCESS EXCLUSIVE MODE');
    const run = start(databases);
    const waiting = `SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database()
      AND application_name IN ('hyperferry', 'pg_dump') AND wait_event_type = 'Lock'`;
    await expectEventually(
      () => queryValue(databases.source, waiting),
      't',
      'the run waits for the lock',
      60,
    );
    run.kill('SIGINT');
    const giveUp = setTimeout(() => run.kill('SIGKILL'), 20_000);
    const { exitCode, signal } = await run;
    clearTimeout(giveUp);
    expect({ exitCode, signal }).toEqual({ exitCode: 130, signal: undefined });
    await expectNoSessions(databases);
    await client.query('ROLLBACK');
  });
  expect(await statesOf(databases)).toEqual(before);
});

test('an interruption while the network to the source is stalled says what is left, and what to do', async () => {
  const databases = await makeReadings(await apachePair(), 'cli_int_stalled', SLOW_TABLE);
  const network = await Network.before(databases.source);
  const run = start({ ...databases, source: network.url });
  await expectEventually(() => stageOf(databases), 'rows and indexes', 'stage of the run', 60);
  network.stall();
  run.kill('SIGINT');
  const { exitCode, stderr } = await run;
  expect(exitCode).toBe(130);
  expect(stderr).toMatch(
    /Not all could be ended in order.*hyperferry status.* --resume goes on.*run again by themselves within 15 minutes/s,
  );
});

test('a second signal ends the process at once', async () => {
  const databases = await makeReadings(await apachePair(), 'cli_twice', SLOW_TABLE);
  const run = start(databases);
  await expectEventually(() => stageOf(databases), 'rows and indexes', 'stage of the run', 60);
  run.kill('SIGINT');
  run.kill('SIGTERM');
  expect((await run).exitCode).toBe(130);
  await expectNoSessions(databases);
});

function start({ source, target, programs }: Databases) {
  return startHyperferry(['migrate', '--jobs', '2', '--pg-bin', programs], {
    SOURCE: source,
    TARGET: target,
  });
}

function stageOf({ target }: Databases): Promise<string | null> {
  return queryValue(target, 'SELECT stage FROM _hyperferry.run').catch(() => 'none yet');
}

async function expectNoSessions({ source, target }: Databases): Promise<void> {
  for (const url of [source, target]) {
    await expectEventually(() => sessionsOfHyperferry(url), [], 'sessions that are left');
  }
}

function statesOf({ source, target, programs }: Databases): Promise<string[][]> {
  return Promise.all([stateOf(source, programs), stateOf(target, programs)]);
}
