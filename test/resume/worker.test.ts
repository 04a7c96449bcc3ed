import { expect, test } from 'vitest';
import { clean, joinRun, migrate, type RunStatus, status } from '../../src/index.js';
import { expectEventually } from '../bad-input/processes.js';
import { altered, makeReadings } from '../bad-input/readings.js';
import { expectError } from '../bad-input/refusal.js';
import { slowly } from '../bad-input/slow-table.js';
import { sessionsOfHyperferry } from '../bad-input/state.js';
import { startHyperferry } from '../cli/command-line.js';
import { expectEqualDatabases } from '../integration/compare/databases.js';
import { apachePair } from '../integration/servers.js';
import { query, queryValue } from '../integration/sql.js';
import { beginOf, stopAt } from './stopped.js';

/** Tables of more than fit into one task, with a row that takes a third of a second to bring. */
const SLOW_TABLES = `
${slowly(0.3)}
DO $$ BEGIN FOR n IN 1..20 LOOP
  EXECUTE format('CREATE TABLE slow_%s (a int CHECK (slowly(a)), filler text); ALTER TABLE slow_%s ALTER filler SET STORAGE EXTERNAL', n, n);
  EXECUTE format('INSERT INTO slow_%s VALUES (%s, repeat(md5(%s::text), 270000))', n, n, n);
END LOOP; END $$;`;

test('two workers help, one dies in the middle, and the run is whole all the same', async () => {
  const databases = await makeReadings(await apachePair(), 'worker_dies', SLOW_TABLES);
  const environment = { SOURCE: '', TARGET: databases.target };
  const helpers = ['stays', 'dies'].map(() => ({
    run: undefined as ReturnType<typeof startHyperferry> | undefined,
  }));
  const statuses: RunStatus[] = [];
  let watching: Promise<unknown> | undefined;
  const outcome = await migrate({
    ...databases,
    jobs: 1,
    keepLedger: true,
    onEvent: (event) => {
      if (!beginOf('rows and indexes')(event)) return;
      for (const helper of helpers) {
        helper.run = startHyperferry(
          ['worker', '--jobs', '1', '--log-format', 'json', '--json'],
          environment,
        );
      }
      watching = (async () => {
        await expectEventually(async () => (await status(databases.target)).workers, 3, 'workers', 60);
        statuses.push(await status(databases.target));
        helpers[1]?.run?.kill('SIGKILL');
      })();
    },
  });
  await watching;
  expect(statuses[0]).toMatchObject({ state: 'under way', stage: 'rows and indexes', attempt: 1 });

  const stayed = await helpers[0]?.run;
  expect(stayed?.exitCode, stayed?.stderr).toBe(0);
  const helped = JSON.parse(stayed?.stdout ?? '') as { relations: number };
  expect(helped.relations).toBeGreaterThan(0);
  expect((await helpers[1]?.run)?.signal).toBe('SIGKILL');

  expect(outcome.verification?.equal).toBe(true);
  expect(outcome.relations).toBe(25); // 20 slow tables, a table, a hypertable and its 3 chunks
  const byWorker = await query<{ worker: string; n: number }>(
    databases.target,
    'SELECT worker, count(*)::int AS n FROM _hyperferry.done WHERE kind IS NOT NULL GROUP BY 1',
  );
  expect(byWorker.length).toBeGreaterThanOrEqual(2);
  expect(byWorker.reduce((sum, { n }) => sum + n, 0)).toBe(25);
  await clean(databases.target);
  await expectEqualDatabases(databases.source, databases.target, databases.programs);
  for (const url of [databases.source, databases.target]) {
    await expectEventually(() => sessionsOfHyperferry(url), [], 'sessions that are left');
  }
});

test('a worker that fails for good stops the run, by name', async () => {
  const databases = await makeReadings(
    await apachePair(),
    'worker_fails',
    `${SLOW_TABLES}
     CREATE FUNCTION picky(a int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
       $$ BEGIN RETURN current_setting('picky.allow', true) IS NOT DISTINCT FROM 'yes'; END $$;
     SET picky.allow = 'yes';
     CREATE TABLE odd (a int CHECK (picky(a)));
     INSERT INTO odd VALUES (1);`,
  );
  // The small table comes last, so that whichever of the two takes it stops the other.
  let helper: Promise<unknown> | undefined;
  const error = await migrate({
    ...databases,
    jobs: 1,
    onEvent: (event) => {
      if (!beginOf('rows and indexes')(event)) return;
      helper = joinRun({ target: databases.target, source: databases.source, jobs: 2 }).catch(
        (e: unknown) => e,
      );
    },
  }).catch((e: unknown) => e);
  expectError(error as never, { code: 'COPY', says: ['public.odd'], advises: '--resume' });
  expect(String(await helper)).toMatch(/public\.odd|not the target of a run|has stopped/);
});

test('without a run under way, a worker says so', async () => {
  const databases = await makeReadings(await apachePair(), 'worker_none');
  const refusal = await joinRun({ target: databases.target }).catch((error: unknown) => error);
  expectError(refusal as never, { code: 'NO_RUN', says: ['there is none'], advises: 'hyperferry migrate' });
  await stopAt(databases, beginOf('statistics'));
  const stopped = await joinRun({ target: databases.target }).catch((error: unknown) => error);
  expectError(stopped as never, { code: 'NO_RUN', says: ['statistics'], advises: '--resume' });
});

test('a worker refuses a source that is not that of the run', async () => {
  const databases = await makeReadings(await apachePair(), 'worker_source');
  await query(altered(databases.source, { pathname: '/postgres' }), 'CREATE DATABASE worker_another');
  let refusal: Promise<unknown> | undefined;
  await migrate({
    ...databases,
    onEvent: (event) => {
      if (!beginOf('rows and indexes')(event)) return;
      const source = altered(databases.source, { pathname: '/worker_another' });
      refusal = joinRun({ target: databases.target, source }).catch((error: unknown) => error);
    },
  });
  const error = (await refusal) as { code?: string };
  // The run may be over before the worker has looked.
  expect(['USAGE', 'NO_RUN']).toContain(error.code);
  expect(await queryValue(databases.target, 'SELECT count(*) FROM reading')).toBe('72');
});

test('a worker that may not read the source says so, and the run goes on without it', async () => {
  const databases = await makeReadings(
    await apachePair(),
    'worker_rights',
    `${SLOW_TABLES.replace('1..20', '1..6')} CREATE ROLE worker_rights_stranger LOGIN;`,
  );
  let refusal: Promise<unknown> | undefined;
  await migrate({
    ...databases,
    jobs: 1,
    onEvent: (event) => {
      if (!beginOf('rows and indexes')(event)) return;
      const source = altered(databases.source, { username: 'worker_rights_stranger' });
      refusal = joinRun({ target: databases.target, source }).catch((error: unknown) => error);
    },
  });
  expectError((await refusal) as never, {
    code: 'PRIVILEGE',
    says: [/^the source refused a statement: permission denied for table/],
    advises: 'Connect to the source as a role that may',
  });
});
