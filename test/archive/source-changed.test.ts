import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { dump, type Event } from '../../src/index.js';
import { makeReadings } from '../bad-input/readings.js';
import { jobsOf } from '../bad-input/state.js';
import type { Databases } from '../integration/databases.js';
import { apachePair, communityPair, hasCommunity } from '../integration/servers.js';
import { expectFailure, expectNothingIn, type Failure, temporaryFolder } from './dumped.js';

const CHUNK = '_timescaledb_internal._hyper_1_1_chunk';

/** A dump that something befalls when a stage begins: it must fail so, leave no folder, and put the jobs back. */
async function expectNoDump(
  { source, programs }: Databases,
  { stage, sql }: { readonly stage: string; readonly sql: string },
  failure: Failure,
): Promise<void> {
  const folder = await temporaryFolder();
  const jobs = await jobsOf(source);
  const onEvent = (event: Event): void => {
    // The dump waits for it, since it does not return before.
    if (event.type === 'stage-started' && event.stage === stage)
      execFileSync(join(programs, 'psql'), ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-c', sql, source], {
        stdio: 'pipe',
      });
  };
  await expectFailure(dump({ source, programs, out: join(folder, 'dump'), jobs: 2, onEvent }), failure);
  await expectNothingIn(folder);
  expect(await jobsOf(source), 'background jobs of the source').toEqual(jobs);
}

const changed = (...says: Failure['says']): Failure => ({
  code: 'SOURCE_CHANGED',
  says: ['on the source', ...says],
  advises: 'Keep other sessions from compressing, truncating and dropping',
});

test('what is truncated, rewritten or dropped while a dump is at its rows ends it by name', async () => {
  const databases = await makeReadings(await apachePair(), 'dump_source_changed');
  for (const [sql, name] of [
    [`TRUNCATE ${CHUNK}`, CHUNK],
    ['ALTER TABLE device ALTER COLUMN id TYPE bigint', 'public.device'],
    [`VACUUM FULL ${CHUNK}`, CHUNK],
    ['ALTER TABLE reading DROP value; ALTER TABLE reading ADD value float8', 'public.reading'],
    ['DROP TABLE device', 'device'],
  ] as const)
    await expectNoDump(databases, { stage: 'rows', sql }, changed(name));
});

test('a table that is truncated between its rows and their checksums ends a dump by name', async () => {
  const databases = await makeReadings(await apachePair(), 'dump_truncated_late');
  await expectNoDump(
    databases,
    { stage: 'checksums', sql: 'TRUNCATE device' },
    changed(/public"?\."?device/),
  );
});

test('a dump whose snapshot is lost says so', async () => {
  const databases = await makeReadings(await apachePair(), 'dump_snapshot_lost');
  const sql = `SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'hyperferry' AND state = 'idle in transaction'`;
  for (const stage of ['rows', 'checksums'])
    await expectNoDump(
      databases,
      { stage, sql },
      {
        code: 'SNAPSHOT_LOST',
        says: ['the session that held the snapshot of the source has ended'],
        advises: 'Look at the log of the source server',
      },
    );
});

const reason = hasCommunity ? '' : ' (skipped: no community edition)';

test.skipIf(!hasCommunity)(
  `a chunk that is compressed or decompressed while a dump is at its rows ends it by name, and jobs are put back${reason}`,
  async () => {
    const databases = await makeReadings(
      await communityPair(),
      'dump_compressed_meanwhile',
      `ALTER TABLE reading SET (timescaledb.compress, timescaledb.compress_segmentby = 'device');
       SELECT add_retention_policy('reading', interval '100 years');
       SELECT _timescaledb_functions.stop_background_workers();
       SELECT alter_job(job_id, next_start => now() + interval '5 minutes') FROM timescaledb_information.jobs WHERE job_id >= 1000;`,
    );
    expect(await jobsOf(databases.source)).toHaveLength(1);
    for (const [change, name] of [
      ['compress_chunk', CHUNK],
      ['decompress_chunk', 'compress'],
    ] as const)
      await expectNoDump(databases, { stage: 'rows', sql: `SELECT ${change}('${CHUNK}')` }, changed(name));
  },
);
