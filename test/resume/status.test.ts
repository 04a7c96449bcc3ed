import { expect, test } from 'vitest';
import { check, clean, joinRun, migrate, status } from '../../src/index.js';
import { expectEventually } from '../bad-input/processes.js';
import { altered, makeReadings } from '../bad-input/readings.js';
import { expectError } from '../bad-input/refusal.js';
import { SLOW_TABLE } from '../bad-input/slow-table.js';
import { hyperferry, startHyperferry } from '../cli/command-line.js';
import { apachePair } from '../integration/servers.js';
import { query, queryValue } from '../integration/sql.js';
import { beginOf, stopAt } from './stopped.js';

test('status tells of a run that stopped, and clean does not remove what can be gone on with', async () => {
  const databases = await makeReadings(await apachePair(), 'status_stopped');
  const environment = { TARGET: databases.target };
  await stopAt(databases, beginOf('statistics'));

  const shown = await hyperferry(['status'], environment);
  expect(shown.exitCode, shown.stderr).toBe(0);
  expect(shown.stdout).toMatch(/status_stopped: stopped in the stage “statistics”: .*interrupted/);
  expect(shown.stdout).toMatch(/✓ rows and indexes .* 5 of 5 tasks/);
  expect(shown.stdout).toMatch(/5 relations copied, 79 rows/);
  expect(shown.stdout).toMatch(/hyperferry migrate --resume/);
  expect(shown.stdout).toMatch(/hyperferry migrate --clean-target/);

  const refused = await hyperferry(['clean'], environment);
  expect(refused.exitCode).toBe(1);
  expect(refused.stderr).toMatch(/nobody can go on with it/);
  expect(await queryValue(databases.target, 'SELECT count(*) FROM _hyperferry.done')).not.toBe('0');

  const removed = await hyperferry(['clean', '--unfinished'], environment);
  expect(removed.exitCode, removed.stderr).toBe(0);
  expect(removed.stderr).toMatch(/stays in restore mode.*timescaledb_post_restore/s);
  expect(await queryValue(databases.target, `SELECT to_regnamespace('_hyperferry')`)).toBeNull();
  const none = await hyperferry(['status'], environment);
  expect(none.exitCode).toBe(1);
  expect(none.stderr).toMatch(/not the target of a run/);
});

test('a run is told only to roles that may read it, and others hear why not', async () => {
  const databases = await makeReadings(await apachePair(), 'status_rights');
  await stopAt(databases, beginOf('statistics'));
  await query(databases.target, 'CREATE ROLE status_rights_stranger LOGIN');
  const target = altered(databases.target, { username: 'status_rights_stranger' });
  for (const ask of [
    () => status(target),
    () => clean(target),
    () => joinRun({ target }),
    () => check({ ...databases, target }),
  ]) {
    const refusal = await ask().catch((error: unknown) => error);
    expectError(refusal as never, {
      code: 'PRIVILEGE',
      says: [/may read the run on the target/],
      advises: 'the role that the run was begun with',
    });
  }
  // One that may look at it is not one that may remove it.
  await query(databases.target, 'GRANT USAGE ON SCHEMA _hyperferry TO status_rights_stranger');
  await query(databases.target, 'GRANT SELECT ON _hyperferry.run TO status_rights_stranger');
  const refusal = await clean(target, { unfinished: true }).catch((error: unknown) => error);
  expectError(refusal as never, {
    code: 'PRIVILEGE',
    says: [/^the target refused a statement: /],
    advises: 'Connect to the target as a role that may',
  });
});

test('status tells of a run that is under way, and of one that died', async () => {
  const databases = await makeReadings(await apachePair(), 'status_died', SLOW_TABLE);
  const run = startHyperferry(['migrate', '--jobs', '2', '--pg-bin', databases.programs], {
    SOURCE: databases.source,
    TARGET: databases.target,
  });
  const told = async () => {
    const found = await status(databases.target).catch(() => undefined);
    return found && [found.state, found.stage, found.workers];
  };
  await expectEventually(told, ['under way', 'rows and indexes', 1], 'status of the run', 60);
  const busy = await hyperferry(['clean', '--unfinished'], { TARGET: databases.target });
  expect(busy.stderr).toMatch(/another run of Hyperferry is at work/);
  run.kill('SIGKILL');
  await run;
  await expectEventually(told, ['died', 'rows and indexes', 0], 'status of the killed run');
});

test('a ledger that is kept says that the run is complete, is no part of the comparison, and can be removed', async () => {
  const databases = await makeReadings(await apachePair(), 'status_kept');
  const environment = { SOURCE: databases.source, TARGET: databases.target };
  await migrate({ ...databases, keepLedger: true });
  const { stdout } = await hyperferry(['status', '--json'], environment);
  expect(JSON.parse(stdout)).toMatchObject({
    state: 'done',
    stage: 'finish',
    attempt: 1,
    copied: { relations: 5, rows: 79 },
    workers: 0,
  });
  const verified = await hyperferry(['verify'], environment);
  expect(verified.exitCode, verified.stderr).toBe(0);
  const again = await hyperferry(['migrate', '--pg-bin', databases.programs], environment);
  expect(again.stderr).toMatch(/expected an empty target database/);
  const removed = await hyperferry(['clean'], environment);
  expect(removed.exitCode, removed.stderr).toBe(0);
  expect(await queryValue(databases.target, `SELECT to_regnamespace('_hyperferry')`)).toBeNull();
});
