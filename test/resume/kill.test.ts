import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { migrate, status, verify } from '../../src/index.js';
import { altered } from '../bad-input/readings.js';
import { startHyperferry } from '../cli/command-line.js';
import { Dice, SEED } from '../dice.js';
import { expectEqualDatabases } from '../integration/compare/databases.js';
import { type Databases, makeDatabases } from '../integration/databases.js';
import { apachePair, communityPair, hasCommunity } from '../integration/servers.js';
import { query } from '../integration/sql.js';

const KILLS = 30;

/** Of everything a little: chunks, compressed ones where there are such, keys, a view, large objects. */
const MIXED = `
CREATE EXTENSION timescaledb;
CREATE TABLE device (id int PRIMARY KEY, name text UNIQUE);
INSERT INTO device SELECT n, 'device ' || n FROM generate_series(1, 100) AS n;
CREATE TABLE reading (at timestamptz NOT NULL, device int NOT NULL REFERENCES device, value float8);
SELECT create_hypertable('reading', 'at', chunk_time_interval => interval '1 day');
INSERT INTO reading
SELECT timestamptz '2026-01-01 00:00+00' + n * interval '1 minute', n % 100 + 1, n FROM generate_series(1, 60000) AS n;
CREATE INDEX ON reading (device, at DESC);
CREATE TABLE document AS SELECT n AS id, repeat(md5(n::text), 20) AS text FROM generate_series(1, 20000) AS n;
ALTER TABLE document ADD PRIMARY KEY (id);
CREATE TABLE page (document int REFERENCES document, number int, PRIMARY KEY (document, number));
INSERT INTO page SELECT n, 1 FROM generate_series(1, 5000) AS n;
CREATE MATERIALIZED VIEW daily AS SELECT device, count(*) FROM reading GROUP BY 1;
SELECT lo_from_bytea(0, convert_to(repeat('x', n), 'UTF8')) FROM generate_series(1, 20) AS n;`;

const COMPRESSED = `
ALTER TABLE reading SET (timescaledb.compress, timescaledb.compress_segmentby = 'device');
SELECT compress_chunk(c) FROM show_chunks('reading') AS c LIMIT 20;
SELECT add_compression_policy('reading', interval '100 years');
CREATE MATERIALIZED VIEW hourly WITH (timescaledb.continuous) AS
  SELECT time_bucket('1 hour', at) AS hour, device, avg(value) FROM reading GROUP BY 1, 2 WITH NO DATA;
CALL refresh_continuous_aggregate('hourly', NULL, NULL);`;

test(
  `killed ${KILLS} times at random moments, a run goes on and ends equal (HYPERFERRY_SEED=${SEED})`,
  async () => {
    const pair = await (hasCommunity ? communityPair() : apachePair());
    const databases = await makeDatabases(pair, 'killed', MIXED + (hasCommunity ? COMPRESSED : ''));
    const dice = new Dice(SEED);
    const stages = new Map<string, number>();
    const whole = startRun(databases);
    await begins(whole);
    const begun = Date.now();
    await whole;
    const duration = Date.now() - begun;
    for (let kill = 1; kill <= KILLS; kill++) {
      await makeTargetEmpty(databases);
      const run = startRun(databases);
      await begins(run);
      await sleep(dice.below(duration));
      run.kill('SIGKILL');
      await run;
      const left = await status(databases.target).catch(() => undefined);
      const stage = left?.stage ?? 'after the end';
      stages.set(stage, (stages.get(stage) ?? 0) + 1);
      if (left) await goOn(databases);
      await expectEqual(databases);
    }
    process.stdout.write(
      `killed in ${[...stages].map(([stage, count]) => `“${stage}”: ${count}`).join(', ')}\n`,
    );
    await expectEqualDatabases(databases.source, databases.target, databases.programs);
  },
  15 * 60_000,
);

function startRun({ source, target, programs }: Databases) {
  return startHyperferry(['migrate', '--jobs', '2', '--pg-bin', programs, '--log-format', 'json'], {
    SOURCE: source,
    TARGET: target,
  });
}

/** Waits until the run changes the target. */
async function begins(run: ReturnType<typeof startRun>): Promise<void> {
  for await (const line of createInterface({ input: run.stderr })) {
    if (line.includes('"stage":"roles"')) return;
  }
}

async function makeTargetEmpty({ target }: Databases): Promise<void> {
  const server = altered(target, { pathname: '/postgres' });
  await query(server, 'DROP DATABASE IF EXISTS killed WITH (FORCE)');
  await query(server, 'CREATE DATABASE killed TEMPLATE template0');
}

async function goOn(databases: Databases): Promise<void> {
  const { resumed } = await migrate({ ...databases, jobs: 2, resume: true, verify: 'none' });
  for (const { again, takenBack } of resumed) {
    expect({ again, takenBack }).toEqual({ again: [], takenBack: [] });
  }
}

async function expectEqual({ source, target }: Databases): Promise<void> {
  const { equal, relations, objects } = await verify({ source, target, jobs: 2 });
  expect({ equal, relations: relations.different, objects: objects.different }).toEqual({
    equal: true,
    relations: [],
    objects: [],
  });
}
