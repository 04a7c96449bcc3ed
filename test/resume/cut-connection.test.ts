import { expect, test } from 'vitest';
import type { HyperferryError, MigrateOptions, Outcome } from '../../src/index.js';
import { expectEventually } from '../bad-input/processes.js';
import { altered } from '../bad-input/readings.js';
import { expectEqualDatabases } from '../integration/compare/databases.js';
import { type Databases, makeDatabases } from '../integration/databases.js';
import { migrateDatabase } from '../integration/ferry.js';
import { apachePair } from '../integration/servers.js';
import { query, queryValue, withClient } from '../integration/sql.js';
import { closeGate, GATE, type Gate, gatedTable } from './gate.js';
import { Listener } from './listen.js';
import { Network } from './network.js';

/** Two tables that are a task each, and that wait at the gate where it is closed; a third task has the rest. */
const DATA = `
CREATE EXTENSION timescaledb;
CREATE TABLE reading (at timestamptz NOT NULL, value int);
SELECT create_hypertable('reading', 'at', chunk_time_interval => interval '1 day');
INSERT INTO reading SELECT timestamptz '2026-01-01 00:00+00' + n * interval '1 hour', n FROM generate_series(0, 71) AS n;
CREATE TABLE device (id int PRIMARY KEY);
INSERT INTO device VALUES (1), (2);
${GATE}
${gatedTable('first_gated', 31)}
${gatedTable('second_gated', 30)}`;

const ROWS = 72 + 2 + 31 + 30;

/** The transaction that holds the snapshot begins before those that import it; a condition over `pg_stat_activity`. */
const HOLDS_SNAPSHOT = `state = 'idle in transaction' AND xact_start =
  (SELECT min(xact_start) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'hyperferry')`;
/** Its lock has two keys. */
const COORDINATES = `pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2)`;

for (const side of ['source', 'target'] as const) {
  test(`a worker whose connection to the ${side} is cut in the middle of a COPY does its task again`, async () => {
    const { network, start, listener, ...databases } = await prepare(`cut_${side}`);
    network[side].cutOnceAt(5_000_000);
    const outcome = await start();

    await expectEqual(outcome, databases);
    expect(listener.all('retry').map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/_gated could not be copied|the connection to the (source|target) was lost/),
    ]);
    expect(outcome.resumed, 'further attempts').toEqual([]);
    expectCopiedOnce(listener);
  });
}

test('when the snapshot is lost, the run takes another one and keeps what it has copied', async () => {
  const { network, startUntilGate, listener, ...databases } = await prepare('cut_snapshot');
  const { run, gate } = await startUntilGate();
  expect(await network.source.cut(HOLDS_SNAPSHOT), 'connections that were cut').toBe(1);
  // The server's process may outlive pg_dump by a moment, and has changed no rows whose count one would wait for.
  const outcome = await withClient(`${databases.source}?application_name=pg_dump`, async (dump) => {
    await dump.query('SELECT 1');
    await gate.open();
    return run;
  });
  expect(
    outcome.notices.filter((notice) => notice.startsWith('waiting')),
    'what it waited for',
  ).toEqual([]);

  await expectEqual(outcome, databases);
  expect(listener.all('retry').map(({ reason }) => reason)).toEqual([
    expect.stringContaining('the session that held the snapshot of the source has ended'),
  ]);
  expect(outcome.resumed).toMatchObject([{ attempt: 2, again: [], takenBack: [] }]);
  // The first of the two workers that sees the loss stops the other, which may be done or not.
  expect(outcome.resumed[0]?.kept.relations).toBeGreaterThanOrEqual(1);
  expectCopiedOnce(listener);
});

test('when the coordinator loses the target, it takes it again, and the workers go on meanwhile', async () => {
  const { network, startUntilGate, listener, ...databases } = await prepare('cut_coordinator');
  const { run, gate } = await startUntilGate();
  expect(await network.target.cut(COORDINATES), 'connections that were cut').toBe(1);
  await gate.open();
  const outcome = await run;

  await expectEqual(outcome, databases);
  expect(outcome.resumed, 'attempts that followed').toEqual([]);
  expectCopiedOnce(listener);
});

test('where the target did not see that, the run waits until it has ended the old session', async () => {
  const { network, startUntilGate, listener, ...databases } = await prepare('cut_unseen');
  const { run, gate } = await startUntilGate();
  expect(await network.target.cutUnseenByServer(COORDINATES), 'connections that were cut').toBe(1);
  await gate.open();
  await listener.hears(run, 'retry', ({ reason }) => reason.includes('is under way'));
  network.target.letServerSee();
  const outcome = await run;

  await expectEqual(outcome, databases);
  expect(outcome.resumed).toMatchObject([{ attempt: 2, kept: { rows: ROWS }, again: [], takenBack: [] }]);
  expectCopiedOnce(listener);
});

test('a run whose servers are both away waits for them; interrupted then, it ends at once and can be resumed', async () => {
  const { network, start, startUntilGate, listener, ...databases } = await prepare('cut_all');
  const interrupt = new AbortController();
  const { run, gate } = await startUntilGate({ signal: interrupt.signal });
  const servers = [network.source, network.target];
  for (const server of servers) server.goDown();
  await gate.open();
  await listener.hears(run, 'retry', ({ reason }) => reason.includes('cannot connect'));
  const begun = performance.now();
  interrupt.abort();
  const error = await run.then(
    () => undefined,
    (thrown: HyperferryError) => thrown,
  );
  expect(performance.now() - begun, 'milliseconds until it ended').toBeLessThan(5_000);
  expect(error).toMatchObject({ code: 'INTERRUPTED', hint: expect.stringContaining('--resume') });

  for (const server of servers) server.comeBack();
  await expectEqual(await start({ resume: true }), databases);
});

interface Prepared extends Databases {
  readonly network: { readonly source: Network; readonly target: Network };
  readonly listener: Listener;
  /** Runs the migration, through the network. */
  start(options?: Partial<MigrateOptions>): Promise<Outcome>;
  /** As `start`, and comes back when two workers wait at the closed gate, each in the middle of a COPY. */
  startUntilGate(options?: Partial<MigrateOptions>): Promise<{ run: Promise<Outcome>; gate: Gate }>;
}

let source: Promise<Databases> | undefined;

/** The source of all tests, and a target for one, with a network before each. */
async function prepare(name: string): Promise<Prepared> {
  const pair = await apachePair();
  source ??= makeDatabases(pair, 'cut', DATA);
  await query(pair.target.url, `CREATE DATABASE ${name} TEMPLATE template0`);
  const databases = { ...(await source), target: altered(pair.target.url, { pathname: `/${name}` }) };
  const network = {
    source: await Network.before(databases.source),
    target: await Network.before(databases.target),
  };
  const listener = new Listener();
  const through = { source: network.source.url, target: network.target.url, programs: databases.programs };
  const start = (options: Partial<MigrateOptions> = {}) =>
    migrateDatabase(through, { ...options, onEvent: listener.onEvent });
  const startUntilGate = async (options?: Partial<MigrateOptions>) => {
    const gate = await closeGate(databases.target);
    const run = start(options);
    await listener.hears(run, 'rows-planned');
    await expectEventually(
      () => queryValue(databases.target, WAITING_AT_GATE),
      '2',
      'workers that wait at the gate',
    );
    return { run, gate };
  };
  return { ...databases, network, listener, start, startUntilGate };
}

const WAITING_AT_GATE = `
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND query LIKE '%COPY %' AND wait_event = 'advisory'`;

async function expectEqual(outcome: Outcome, { source, target, programs }: Databases): Promise<void> {
  expect(outcome.verification?.equal).toBe(true);
  expect(outcome.rows).toBe(ROWS);
  await expectEqualDatabases(source, target, programs);
}

function expectCopiedOnce({ copied }: Listener): void {
  expect(copied.toSorted(), 'relations, as often as they were copied').toEqual([...new Set(copied)].sort());
}
