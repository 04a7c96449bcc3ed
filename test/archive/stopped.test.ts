import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { noteWriter } from '../../src/archive/dump-writer.js';
import { dump, restore } from '../../src/index.js';
import { expectEventually } from '../bad-input/processes.js';
import { makeReadings } from '../bad-input/readings.js';
import { jobsOf, sessionsOfHyperferry } from '../bad-input/state.js';
import { startHyperferry } from '../cli/command-line.js';
import { type Databases, makeDatabases } from '../integration/databases.js';
import { apachePair, communityPair, hasCommunity } from '../integration/servers.js';
import { query, queryValue, withClient } from '../integration/sql.js';
import { Listener } from '../resume/listen.js';
import { canMount, expectFailure, expectNothingIn, mountDisk, temporaryFolder } from './dumped.js';

/** Rows that take a second and more to compress, and that no compression makes much smaller. */
const MANY_ROWS = `
CREATE TABLE many (a text);
INSERT INTO many SELECT md5(n::text) || md5((-n)::text) || md5((n * 7)::text) FROM generate_series(1, 300000) AS n;`;

const JOBS = `
SELECT add_retention_policy('reading', interval '100 years');
SELECT _timescaledb_functions.stop_background_workers();
SELECT alter_job(job_id, next_start => now() + interval '5 minutes') FROM timescaledb_information.jobs WHERE job_id >= 1000;`;

async function makeSource(name: string): Promise<Databases> {
  const pair = await (hasCommunity ? communityPair() : apachePair());
  return makeReadings(pair, name, MANY_ROWS + (hasCommunity ? JOBS : ''));
}

function startDump({ source, programs }: Databases, out: string, ...flags: string[]) {
  return startHyperferry(['dump', '--out', out, '--jobs', '2', '--pg-bin', programs, ...flags], {
    SOURCE: source,
  });
}

/** Resolves when the dump has begun to write rows. */
async function inTheMiddle(folder: string): Promise<void> {
  const writes = async () => {
    const names = await readdir(join(folder, '.dump.partial')).catch(() => []);
    return names.some((name) => name.endsWith('.dat.gz'));
  };
  await expectEventually(writes, true, 'the dump writes rows', 60);
}

async function expectNoSessions({ source }: Databases): Promise<void> {
  await expectEventually(() => sessionsOfHyperferry(source), [], 'sessions that are left');
}

test('a worker whose connection is lost begins its file again, from the same snapshot', async () => {
  const { source, target, programs } = await makeSource('dump_lost_worker');
  const folder = await temporaryFolder();
  const listener = new Listener();
  const out = join(folder, 'dump');
  const run = dump({ source, out, programs, jobs: 2, onEvent: listener.onEvent });
  await inTheMiddle(folder);
  await query(source, `INSERT INTO many VALUES ('later than the snapshot')`);
  const [ended] = await query<{ count: string }>(
    source,
    `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = 'hyperferry' AND query ~ 'COPY .*many'`,
  );
  expect(ended?.count, 'workers that are ended').toBe('1');
  await run;

  expect(listener.all('retry')).toHaveLength(1);
  expect(new Set(listener.copied).size, 'relations, each once').toBe(listener.copied.length);
  await restore({ from: out, target });
  expect(await queryValue(target, 'SELECT count(*) FROM many')).toBe('300000');
});

test.each(['SIGINT', 'SIGHUP'] as const)(
  '%s in the middle of a dump leaves nothing: no folder, no session, jobs as they were',
  async (signal) => {
    const databases = await makeSource(`dump_${signal.toLowerCase()}`);
    const folder = await temporaryFolder();
    const jobs = await jobsOf(databases.source);
    const run = startDump(databases, join(folder, 'dump'));
    await inTheMiddle(folder);
    run.kill(signal);
    const { exitCode, stdout, stderr } = await run;
    expect({ exitCode, stdout }, stderr).toEqual({ exitCode: 130, stdout: '' });
    expect(stderr).toMatch(/^error: interrupted$/m);
    expect(stderr, 'no stack trace').not.toMatch(/^ +at /m);
    await expectNothingIn(folder);
    await expectNoSessions(databases);
    expect(await jobsOf(databases.source), 'background jobs of the source').toEqual(jobs);
  },
);

test('a dump that a second signal ends at once says what it leaves, and how to remove it', async () => {
  const databases = await makeSource('dump_twice');
  const folder = await temporaryFolder();
  const run = startDump(databases, join(folder, 'dump'));
  await inTheMiddle(folder);
  run.kill('SIGINT');
  run.kill('SIGTERM');
  const { exitCode, stderr } = await run;
  expect(exitCode, stderr).toBe(130);
  await expectNothingIn(folder, ['.dump.partial']);
  expect(stderr).toContain(`rm -r ${folder}/.dump.partial`);
  await expectNoSessions(databases);
});

test('an interrupt is told as a JSON line where JSON lines are asked for', async () => {
  const databases = await makeSource('dump_json');
  const folder = await temporaryFolder();
  const run = startDump(databases, join(folder, 'dump'), '--log-format', 'json');
  await inTheMiddle(folder);
  run.kill('SIGINT');
  const events = (await run).stderr.split('\n').map((line) => JSON.parse(line));
  expect(events).toContainEqual(
    expect.objectContaining({ type: 'notice', message: 'Stopping; once more to end at once.' }),
  );
});

test('the last JSON line of a dump tells what it did', async () => {
  const databases = await makeReadings(await apachePair(), 'dump_json_end');
  const out = join(await temporaryFolder(), 'dump');
  const { stderr, stdout } = await startDump(databases, out, '--log-format', 'json', '--json');
  const events = stderr.split('\n').map((line) => JSON.parse(line));
  const { notices: _, ...outcome } = JSON.parse(stdout);
  expect(events.at(-1)).toMatchObject({ type: 'finished', ...outcome });
  expect(events.at(-1).notices).toBeUndefined();
});

test('SIGINT while pg_dump waits for a lock ends it all the same', async () => {
  const databases = await makeReadings(await apachePair(), 'dump_lock');
  const folder = await temporaryFolder();
  await withClient(databases.source, async (client) => {
    await client.query('BEGIN; LOCK TABLE device IN ACCESS EXCLUSIVE MODE');
    const run = startDump(databases, join(folder, 'dump'));
    const waiting = `SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database()
      AND application_name IN ('hyperferry', 'pg_dump') AND wait_event_type = 'Lock'`;
    await expectEventually(() => queryValue(databases.source, waiting), 't', 'it waits for the lock', 60);
    run.kill('SIGINT');
    expect((await run).exitCode).toBe(130);
    await client.query('ROLLBACK');
  });
  await expectNothingIn(folder);
  await expectNoSessions(databases);
});

test('SIGKILL in the middle of a dump leaves nothing of its name; the next takes the place of what it left', async () => {
  const databases = await makeSource('dump_sigkill');
  const folder = await temporaryFolder();
  const out = join(folder, 'dump');
  const run = startDump(databases, out);
  await inTheMiddle(folder);
  await expectFailure(dump({ ...databases, out }), {
    code: 'ARCHIVE',
    says: [/\.dump\.partial is there/],
    advises: `rm -r ${folder}/.dump.partial`,
  });
  run.kill('SIGKILL');
  expect((await run).signal).toBe('SIGKILL');
  await expectNothingIn(folder, ['.dump.partial']);
  await expectNoSessions(databases);
  await dump({ ...databases, out });
  await expectNothingIn(folder, ['dump']);
  expect(await readdir(out)).not.toContain('.writer');
});

test('what a dump of another machine has left is for people to remove', async () => {
  const databases = await makeSource('dump_elsewhere');
  const folder = await temporaryFolder();
  const partial = join(folder, '.dump.partial');
  mkdirSync(partial);
  await noteWriter(partial);
  const note = JSON.parse(await readFile(join(partial, '.writer'), 'utf8'));
  for (const other of [{ host: 'elsewhere' }, { namespace: 'pid:[1]' }]) {
    await writeFile(join(partial, '.writer'), JSON.stringify({ ...note, pid: 999_999_999, ...other }));
    await expectFailure(dump({ ...databases, out: join(folder, 'dump') }), {
      code: 'ARCHIVE',
      says: [/\.dump\.partial is there/],
      advises: /on this machine or another/,
    });
  }
  await expectNothingIn(folder, ['.dump.partial']);
});

const mayMount = await canMount();
const reason = mayMount ? '' : ' (skipped: only root may mount a small disk, and not everywhere)';

test.skipIf(!mayMount)(
  `a folder that cannot be removed is a notice: the dump's own error is told, and jobs are put back${reason}`,
  async () => {
    const databases = await makeSource('dump_left');
    const jobs = await jobsOf(databases.source);
    const folder = await temporaryFolder();
    const inTheWay = join(folder, '.dump.partial', 'disk');
    onTestFinished(() => void execFileSync('umount', ['--lazy', inTheWay]));
    const notices: string[] = [];
    const begun = dump({
      ...databases,
      out: join(folder, 'dump'),
      jobs: 2,
      onEvent: (event) => {
        if (event.type === 'notice') notices.push(event.message);
        // Rows cannot be written any more, and a disk that is in use cannot be removed.
        if (event.type !== 'stage-started' || event.stage !== 'rows') return;
        mkdirSync(inTheWay);
        execFileSync('mount', ['-t', 'tmpfs', 'hyperferry-test', inTheWay]);
        throw new Error('of the listener');
      },
    });
    await expect(begun).rejects.toThrow('of the listener');
    expect(notices.join('\n')).toMatch(/could not be removed: .*EBUSY.*; rm -r .*\.dump\.partial/);
    expect(await jobsOf(databases.source), 'background jobs of the source').toEqual(jobs);
  },
);

test.skipIf(!mayMount)(
  `a disk that could not hold the dump by far is told before rows are read${reason}`,
  async () => {
    const databases = await makeDatabases(await apachePair(), 'dump_no_room', MANY_ROWS);
    const folder = await temporaryFolder();
    await mountDisk(folder, 'size=2m');
    const refused = { ...databases, out: join(folder, 'dump'), jobs: 2 };
    await expectFailure(dump(refused), {
      code: 'ROOM',
      says: [/expected at least \d MB free for --out, but \d MB are: the tables take \d\d MB$/],
      advises: 'a larger disk',
    });
    await expectNothingIn(folder);
    await expectFailure(dump({ ...refused, skipChecks: ['out-disk'] }), {
      code: 'ARCHIVE',
      says: [/no space left on its disk/],
      advises: 'another disk',
    });
  },
);

for (const [what, { disk, ...options }] of Object.entries({
  'an archive': { disk: '8m' },
  'an archive that is not compressed': { disk: '20m', compression: { algorithm: 'none' } },
  'a plain dump, which is written from an archive,': { disk: '45m', format: 'plain' },
} as const)) {
  test.skipIf(!mayMount)(
    `a full disk ends ${what} with the file's name, and leaves nothing${reason}`,
    async () => {
      const name = `dump_full_${what.replaceAll(/\W/g, '_')}`;
      const databases = await makeDatabases(await apachePair(), name, MANY_ROWS);
      const folder = await temporaryFolder();
      await mountDisk(folder, `size=${disk}`);
      await expectFailure(dump({ ...databases, ...options, out: join(folder, 'dump'), jobs: 2 }), {
        code: 'ARCHIVE',
        says: [/\.dump\.partial\/.* cannot be written: no space left on its disk/],
        advises: /Make room there, or write to another disk/,
      });
      await expectNothingIn(folder);
      await expectNoSessions(databases);
      expect(
        await query(
          databases.source,
          "SELECT FROM pg_stat_activity WHERE state = 'idle in transaction' AND datname = current_database()",
        ),
      ).toEqual([]);
    },
  );
}

const hasFullDevice = existsSync('/dev/full');

test.skipIf(!hasFullDevice)(
  `a disk that is full when large objects are listed is told as such${hasFullDevice ? '' : ' (skipped: no /dev/full)'}`,
  async () => {
    const databases = await makeDatabases(
      await apachePair(),
      'dump_full_list',
      `SELECT lo_from_bytea(1234, 'content')`,
    );
    const folder = await temporaryFolder();
    const dumping = dump({
      ...databases,
      out: join(folder, 'dump'),
      onEvent: (event) => {
        if (event.type === 'stage-started' && event.stage === 'large objects')
          symlinkSync('/dev/full', join(folder, '.dump.partial', 'blobs.toc'));
      },
    });
    await expectFailure(dumping, {
      code: 'ARCHIVE',
      says: [/\.dump\.partial\/blobs\.toc cannot be written: no space left on its disk/],
      advises: /Make room there, or write to another disk/,
    });
    await expectNothingIn(folder);
  },
);

test('names of columns that are exchanged while rows are dumped end the dump by name', async () => {
  const databases = await makeReadings(
    await apachePair(),
    'dump_renamed',
    `ALTER TABLE device ADD other text`,
  );
  const folder = await temporaryFolder();
  const exchange = `ALTER TABLE device RENAME name TO third; ALTER TABLE device RENAME other TO name; ALTER TABLE device RENAME third TO other`;
  const { source, programs } = databases;
  const dumping = dump({
    source,
    programs,
    out: join(folder, 'dump'),
    onEvent: (event) => {
      if (event.type === 'stage-started' && event.stage === 'rows')
        execFileSync(join(programs, 'psql'), ['-X', '-q', '-c', exchange, source]);
    },
  });
  await expect(dumping).rejects.toMatchObject({
    code: 'SOURCE_CHANGED',
    message: expect.stringContaining('of public.device'),
  });
  await expectNothingIn(folder);
});
