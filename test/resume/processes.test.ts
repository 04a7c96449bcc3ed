import { readdir, readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { migrate } from '../../src/index.js';
import { expectEventually, isAlive } from '../bad-input/processes.js';
import { makeReadings } from '../bad-input/readings.js';
import { expectError } from '../bad-input/refusal.js';
import { slowly } from '../bad-input/slow-table.js';
import { sessionsOfHyperferry } from '../bad-input/state.js';
import { startHyperferry } from '../cli/command-line.js';
import { expectEqualDatabases } from '../integration/compare/databases.js';
import type { Databases } from '../integration/databases.js';
import { expectFaithfulMigration } from '../integration/ferry.js';
import { apachePair } from '../integration/servers.js';
import { query, queryValue } from '../integration/sql.js';

/** Tables of more than fit into one task, with a row that takes its time to bring. */
function slowTables(seconds: number): string {
  return `
${slowly(seconds)}
DO $$ BEGIN FOR n IN 1..16 LOOP
  EXECUTE format('CREATE TABLE slow_%s (a int CHECK (slowly(a)), filler text); ALTER TABLE slow_%s ALTER filler SET STORAGE EXTERNAL', n, n);
  EXECUTE format('INSERT INTO slow_%s VALUES (%s, repeat(md5(%s::text), 270000))', n, n, n);
END LOOP; END $$;`;
}

test('four workers in two processes share the tasks, and the target is equal', async () => {
  const databases = await makeReadings(await apachePair(), 'two_processes', slowTables(0.5));
  const { exitCode, stderr } = await start(databases, ['--keep-ledger']);
  expect(exitCode, stderr).toBe(0);
  expect(stderr, 'no process died').not.toContain('worker process');
  const workers = await query<{ worker: string }>(
    databases.target,
    'SELECT DISTINCT worker FROM _hyperferry.task WHERE finished_at IS NOT NULL',
  );
  expect(workers).toHaveLength(2);
  for (const { worker } of workers) expect(worker).toMatch(/:\d+$/);
  await query(databases.target, 'DROP SCHEMA _hyperferry CASCADE');
  await expectEqualDatabases(databases.source, databases.target, databases.programs);
  await expectNoSessions(databases);
});

test('the library spreads workers over processes as well', async () => {
  const databases = await makeReadings(await apachePair(), 'library_processes', slowTables(0.2));
  const { notices } = await expectFaithfulMigration(databases, { jobs: 3, processes: 3 });
  expect(notices).toEqual([]);
});

for (const signal of ['SIGINT', 'SIGKILL'] as const) {
  test(`after ${signal} no process is left, nor a session`, async () => {
    const databases = await makeReadings(
      await apachePair(),
      `processes_${signal.toLowerCase()}`,
      slowTables(5),
    );
    const run = start(databases);
    const [child = 0] = await workersOf(run.pid);
    await allAtWork(databases);
    run.kill(signal);
    const { exitCode, stderr } = await run;
    if (signal === 'SIGINT') {
      expect(exitCode, stderr).toBe(130);
      expect(isAlive(child), 'the child is alive').toBe(false);
    }
    await expectEventually(() => isAlive(child), false, 'the child is alive');
    await expectNoSessions(databases);
  });
}

test('the run goes on without a process that was killed', async () => {
  const databases = await makeReadings(await apachePair(), 'process_killed', slowTables(1));
  const run = start(databases);
  const [child = 0] = await workersOf(run.pid);
  await allAtWork(databases);
  process.kill(child, 'SIGKILL');
  const { exitCode, stderr } = await run;
  expect(exitCode, stderr).toBe(0);
  expect(stderr).toContain('a worker process has died (SIGKILL); the others go on without it');
  await expectEqualDatabases(databases.source, databases.target, databases.programs);
});

test('what fails for good in a process stops the run, by name, and no process is left', async () => {
  const databases = await makeReadings(
    await apachePair(),
    'process_fails',
    `${slowTables(1)}
     CREATE FUNCTION picky(a int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
       $$ BEGIN RETURN current_setting('picky.allow', true) IS NOT DISTINCT FROM 'yes'; END $$;
     SET picky.allow = 'yes';
     CREATE TABLE odd (a int CHECK (picky(a)));
     INSERT INTO odd VALUES (1);`,
  );
  const run = start(databases);
  const [child = 0] = await workersOf(run.pid);
  const { exitCode, stderr } = await run;
  expect(exitCode).toBe(1);
  expect(stderr).toContain('public.odd');
  expect(isAlive(child), 'the child is alive').toBe(false);
});

test('without a worker for each process, nothing is begun', async () => {
  const databases = await makeReadings(await apachePair(), 'processes_usage');
  for (const [options, says, advises] of [
    [{ jobs: 2, processes: 3 }, 'as workers, 2, but 3 came', '--jobs 3'],
    [{ processes: 1000 }, '1000 came', '--jobs 1000'],
    [{ processes: 0 }, '0 came', ''],
    [{ processes: 1.5 }, '1.5 came', ''],
  ] as const) {
    const refusal = await migrate({ ...databases, ...options }).catch((error: unknown) => error);
    expectError(refusal as never, { code: 'USAGE', says: [says], advises });
  }
  expect(await queryValue(databases.target, "SELECT to_regnamespace('_hyperferry')")).toBeNull();
});

function start({ source, target, programs }: Databases, flags: readonly string[] = []) {
  return startHyperferry(['migrate', '--jobs', '4', '--processes', '2', '--pg-bin', programs, ...flags], {
    SOURCE: source,
    TARGET: target,
  });
}

/** Waits for the children that work for a process. */
async function workersOf(parent = 0): Promise<number[]> {
  let workers: number[] = [];
  await expectEventually(
    async () => {
      workers = await childrenOf(parent);
      return workers.length;
    },
    1,
    'worker processes',
    60,
  );
  return workers;
}

async function childrenOf(parent: number): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const isWorker = async (pid: string): Promise<boolean> => {
    const [stat = '', command = ''] = await Promise.all(
      ['stat', 'cmdline'].map((name) => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '')),
    );
    const parentOf = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1];
    return parentOf === String(parent) && command.includes('worker-process');
  };
  const found = await Promise.all(pids.map(async (pid) => ((await isWorker(pid)) ? [Number(pid)] : [])));
  return found.flat();
}

function allAtWork({ target }: Databases): Promise<void> {
  const copying = `SELECT count(*)::int FROM pg_stat_activity
    WHERE datname = current_database() AND state = 'active' AND query LIKE '%COPY %' AND pid <> pg_backend_pid()`;
  return expectEventually(async () => Number(await queryValue(target, copying)), 4, 'workers that copy', 60);
}

async function expectNoSessions({ source, target }: Databases): Promise<void> {
  for (const url of [source, target]) {
    await expectEventually(() => sessionsOfHyperferry(url), [], 'sessions that are left');
  }
}
