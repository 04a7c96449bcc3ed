import { expect, test } from 'vitest';
import type { Outcome } from '../../src/index.js';
import { jobsOf } from '../bad-input/state.js';
import { expectEqualDatabases } from '../integration/compare/databases.js';
import { type Databases, makeDatabases } from '../integration/databases.js';
import { migrateDatabase } from '../integration/ferry.js';
import { hasCommunity, type Pair, startExtraServer } from '../integration/servers.js';
import { query } from '../integration/sql.js';
import { closeGate, GATE, type Gate, gatedTable } from './gate.js';
import { Listener } from './listen.js';

/** The copy of the gated table is under way when all others are done: each of the chunks is a task of its own. */
const DATA = `
CREATE EXTENSION timescaledb;
CREATE TABLE reading (at timestamptz NOT NULL, device int, filling text);
ALTER TABLE reading ALTER filling SET STORAGE EXTERNAL;
SELECT create_hypertable('reading', 'at', chunk_time_interval => interval '1 day');
INSERT INTO reading SELECT timestamptz '2026-01-01 00:00+00' + n * interval '5 hours', n, repeat(md5(n::text), 32 * 1024)
  FROM generate_series(0, 14) AS n;
CREATE INDEX by_device ON reading (device);
CREATE TABLE device (id int PRIMARY KEY, name text);
INSERT INTO device SELECT n, 'device ' || n FROM generate_series(0, 14) AS n;
ALTER TABLE reading ADD FOREIGN KEY (device) REFERENCES device;
${GATE}
${gatedTable('gated', 40)}`;

/** A job of the source that is due within the time for which jobs are held off. */
const JOBS = `
SELECT add_retention_policy('reading', interval '100 years');
SELECT alter_job(job_id, next_start => now() + interval '10 minutes') FROM timescaledb_information.jobs WHERE job_id >= 1000;`;

/** What is copied beside the gated table: the hypertable, three chunks and a table. */
const OTHERS = 6 - 1;

const pair = once(async (): Promise<Pair> => {
  const edition = hasCommunity ? 'community' : 'apache';
  const [source, target] = await Promise.all([
    // What the test has written outlives a crash, as on a server that is not a throwaway one.
    startExtraServer('restarted-source', { edition, settings: { synchronous_commit: 'on' } }),
    startExtraServer('restarted-target', { edition, settings: { synchronous_commit: 'off' } }),
  ]);
  return { source, target };
});

for (const mode of ['fast', 'immediate'] as const) {
  test(`the run heals when the target is restarted in mid-copy (${mode})`, async () => {
    const { run, listener, ...begun } = await startRun(`restart_target_${mode}`);
    await (await pair()).target.restart(mode); // its gates are open then
    const outcome = await run;

    await expectHealed(outcome, begun);
    expect(reasons(listener), 'why it was tried again').toMatch(/the (connection to the )?target/);
    expect(reasons(listener)).not.toMatch(/source/);
    expect(outcome.resumed, 'attempts that followed: the snapshot was there all the time').toEqual([]);
    // A crash of a server that does not wait for its disk may lose what workers have committed a moment ago.
    if (mode === 'fast') {
      expect(listener.copied.toSorted(), 'what was copied').toEqual([...new Set(listener.copied)].sort());
    }
  });
}

test('rows of unlogged tables, which a crash of the target takes away, are copied again, whatever is compared', async () => {
  const unlogged = `CREATE UNLOGGED TABLE passing AS SELECT n AS id FROM generate_series(1, 1000) AS n;`;
  const databases = await makeDatabases(
    await pair(),
    'restart_target_unlogged',
    `${GATE} ${gatedTable('gated', 40)} ${unlogged}`,
  );
  const gate = await closeGate(databases.target);
  const listener = new Listener();
  const run = migrateDatabase(databases, { onEvent: listener.onEvent, verify: 'none' });
  await listener.hears(run, 'relation-copied', ({ relation }) => relation === 'public.passing', 1);
  // Committed for good, so that the crash takes the rows and leaves the mark.
  await query(databases.target, 'CHECKPOINT');
  await (await pair()).target.restart('immediate');
  await gate.open().catch(() => {});
  const outcome = await run;

  expect(outcome.resumed.map(({ attempt }) => attempt)).toEqual([2]);
  expect(reasons(listener)).toContain('lost the rows of unlogged tables: "public"."passing"');
  await expectEqualDatabases(databases.source, databases.target, databases.programs);
});

test('the run heals when the source is restarted in mid-copy, and copies nothing again (fast)', async () => {
  const { run, listener, gate, ...begun } = await startRun('restart_source_fast');
  const copiedRows = listener.all('relation-copied').reduce((sum, { rows }) => sum + rows, 0);
  await (await pair()).source.restart('fast');
  await gate.open();
  const outcome = await run;

  await expectHealed(outcome, begun);
  expect(reasons(listener)).toMatch(/source/);
  expect(outcome.resumed).toEqual([
    { attempt: 2, kept: { relations: OTHERS, rows: copiedRows }, again: [], takenBack: [] },
  ]);
  expect(listener.copied).toHaveLength(OTHERS + 1);
  expect(new Set(listener.copied).size, 'different relations').toBe(OTHERS + 1);
});

test('the run heals when the source crashes in mid-copy, and copies all again, since its counters are lost', async () => {
  const { run, listener, gate, ...begun } = await startRun('restart_source_immediate');
  const copiedBefore = listener.copied;
  await (await pair()).source.restart('immediate');
  await gate.open();
  const outcome = await run;

  await expectHealed(outcome, begun);
  expect(reasons(listener)).toMatch(/source/);
  expect(outcome.resumed).toMatchObject([{ attempt: 2, kept: { relations: 0, rows: 0 }, takenBack: [] }]);
  expect(outcome.resumed[0]?.again.toSorted()).toEqual(copiedBefore.toSorted());
  expect(listener.copied).toHaveLength(OTHERS + OTHERS + 1);
});

interface StartedRun {
  readonly databases: Databases;
  readonly jobs: readonly string[];
  readonly run: Promise<Outcome>;
  readonly listener: Listener;
  readonly gate: Gate;
}

/** Starts a run, and comes back when it has copied all but the gated table. */
async function startRun(name: string): Promise<StartedRun> {
  const databases = await makeDatabases(await pair(), name, DATA + (hasCommunity ? JOBS : ''));
  const jobs = await jobsOf(databases.source);
  const gate = await closeGate(databases.target);
  const listener = new Listener();
  const run = migrateDatabase(databases, { onEvent: listener.onEvent });
  await listener.hears(run, 'relation-copied', () => true, OTHERS);
  expect(listener.copied, 'relations that are copied when the server is restarted').not.toContain(
    'public.gated',
  );
  return { databases, jobs, run, listener, gate };
}

async function expectHealed(
  outcome: Outcome,
  { databases: { source, target, programs }, jobs }: Pick<StartedRun, 'databases' | 'jobs'>,
): Promise<void> {
  expect(outcome.verification?.equal).toBe(true);
  expect(await jobsOf(source), 'background jobs of the source').toEqual(jobs);
  expect(outcome.relations, 'relations that were copied').toBe(OTHERS + 1);
  await expectEqualDatabases(source, target, programs);
}

function reasons(listener: Listener): string {
  return listener
    .all('retry')
    .map(({ reason }) => reason)
    .join('\n');
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
