import { chown, mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import { expectEventually } from '../bad-input/processes.js';
import { altered } from '../bad-input/readings.js';
import { expectError, failureOf } from '../bad-input/refusal.js';
import { jobsOf, sessionsOfHyperferry } from '../bad-input/state.js';
import { expectEqualDatabases } from '../integration/compare/databases.js';
import { makeDatabases } from '../integration/databases.js';
import { migrateDatabase } from '../integration/ferry.js';
import { apachePair, communityPair, hasCommunity, type Pair } from '../integration/servers.js';
import { query, queryValue, withClient } from '../integration/sql.js';
import { Listener } from './listen.js';

const mayMount = process.getuid?.() === 0 && (await canMount());
const reason = mayMount ? '' : ' (skipped: only root may mount a small disk, and not everywhere)';

/** Six chunks of six megabytes. */
const DATA = `
CREATE EXTENSION timescaledb;
CREATE TABLE reading (at timestamptz NOT NULL, device int, filling text);
ALTER TABLE reading ALTER filling SET STORAGE EXTERNAL;
SELECT create_hypertable('reading', 'at', chunk_time_interval => interval '1 day');
INSERT INTO reading SELECT timestamptz '2026-01-01 00:00+00' + n * interval '4 hours', n, repeat(md5(n::text), 32 * 1024)
  FROM generate_series(0, 35) AS n;
CREATE TABLE device (id int PRIMARY KEY, name text);
INSERT INTO device SELECT n, 'device ' || n FROM generate_series(0, 35) AS n;
ALTER TABLE reading ADD FOREIGN KEY (device) REFERENCES device;`;

const JOBS = `
SELECT add_retention_policy('reading', interval '100 years');
SELECT alter_job(job_id, next_start => now() + interval '10 minutes') FROM timescaledb_information.jobs WHERE job_id >= 1000;`;

test.skipIf(!mayMount)(
  `a full disk stops the run at once, by name; with a larger disk it goes on${reason}`,
  async () => {
    const pair = await (hasCommunity ? communityPair() : apachePair());
    const { source, programs } = await makeDatabases(pair, 'disk_full', DATA + (hasCommunity ? JOBS : ''));
    const { target, grow } = await makeTargetOnSmallDisk(pair);
    const databases = { source, target, programs };
    const jobs = await jobsOf(source);

    expectError(await failureOf({ ...databases, jobs: 2 }), {
      code: 'ROOM',
      says: [/expected \d+ MB free on the target for a database of \d+ MB, but [123]\d MB are free/],
      advises: 'a larger disk',
    });
    const listener = new Listener();
    const options = { ...databases, jobs: 2, onEvent: listener.onEvent };
    const error = await failureOf({ ...options, skipChecks: ['disk'] });
    expect(listener.all('retry'), 'a disk does not grow by itself').toEqual([]);
    expectError(error, {
      code: 'COPY',
      says: [/the rows of _timescaledb_internal\._hyper_1_\d_chunk/, 'No space left on device'],
      advises: /Make room on the disk(.|\n)*--resume/,
    });
    for (const url of [source, target]) {
      await expectEventually(() => sessionsOfHyperferry(url), [], 'sessions that are left');
    }
    expect(await jobsOf(source), 'background jobs of the source').toEqual(jobs);
    expect(await queryValue(target, 'SELECT state FROM _hyperferry.run')).toBe('stopped');

    await grow(); // to less than the database again, beside what is there
    const outcome = await migrateDatabase(databases, { resume: true });
    expect(outcome.verification?.equal).toBe(true);
    expect(outcome.resumed).toMatchObject([{ attempt: 2, again: [], takenBack: [] }]);
    expect(outcome.resumed[0]?.kept.rows, 'rows that were kept').toBeGreaterThan(0);
    expect(outcome.rows).toBe(36 + 36);
    await expectEqualDatabases(source, target, programs);
    expect(await jobsOf(source), 'background jobs of the source').toEqual(jobs);
  },
);

/** A database in a tablespace on a disk of its own, that has room for it without rows and for some of the chunks. */
async function makeTargetOnSmallDisk({ target: server }: Pair) {
  const disk = join(server.dataFolder, '..', 'small-disk');
  await mkdir(disk);
  await execa('mount', ['-t', 'tmpfs', '-o', 'size=32m', 'hyperferry-test', disk]);
  onTestFinished(async () => {
    try {
      await withClient(server.url, async (client) => {
        await client.query('DROP DATABASE IF EXISTS disk_full WITH (FORCE)');
        await client.query('DROP TABLESPACE IF EXISTS small_disk');
      });
    } finally {
      await execa('umount', ['--lazy', disk]);
    }
  });
  const folder = join(disk, 'tablespace');
  await mkdir(folder, { mode: 0o700 });
  const { uid, gid } = await stat(server.dataFolder);
  await chown(folder, uid, gid);
  await query(server.url, `CREATE TABLESPACE small_disk LOCATION '${folder}'`);
  await query(server.url, 'DROP DATABASE IF EXISTS disk_full');
  await query(server.url, 'CREATE DATABASE disk_full TEMPLATE template0 TABLESPACE small_disk');
  return {
    target: altered(server.url, { pathname: '/disk_full' }),
    grow: () => execa('mount', ['-o', 'remount,size=64m', disk]),
  };
}

async function canMount(): Promise<boolean> {
  // A mount namespace of its own: what it mounts is gone with the process.
  const { failed } = await execa('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'none', '/mnt'], {
    reject: false,
  });
  return !failed;
}
