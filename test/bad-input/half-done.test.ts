import { expect, test } from 'vitest';
import { hyperferry, startHyperferry } from '../cli/command-line.js';
import { expectEqualDatabases } from '../integration/compare/databases.js';
import { apachePair } from '../integration/servers.js';
import { queryValue, runScript } from '../integration/sql.js';
import { onStage, runAtOnce } from '../resume/stopped.js';
import { expectEventually } from './processes.js';
import { altered, makeReadings } from './readings.js';
import { expectError, failureOf } from './refusal.js';
import { SLOW_TABLE } from './slow-table.js';
import { sessionsOfHyperferry } from './state.js';

/** A CHECK that holds where the setting is set: not for the session that brings the rows. */
const FAILS_WITH_ROWS = `
CREATE FUNCTION picky(a int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
  $$ BEGIN RETURN current_setting('picky.allow', true) IS NOT DISTINCT FROM 'yes'; END $$;
SET picky.allow = 'yes';
CREATE TABLE odd (a int CHECK (picky(a)));
INSERT INTO odd VALUES (1);`;

test('a run whose target database is dropped does not say to go on with it', async () => {
  const { source, target, programs } = await makeReadings(await apachePair(), 'bad_target_dropped');
  const error = await failureOf({
    source,
    target,
    programs,
    onEvent: onStage('schema', () =>
      runAtOnce(
        programs,
        altered(target, { pathname: '/postgres' }),
        'DROP DATABASE bad_target_dropped WITH (FORCE)',
      ),
    ),
  });
  expectError(error, {
    code: 'CONNECT',
    says: ['database "bad_target_dropped" does not exist'],
    advises: /CREATE DATABASE .*\nThe target database is gone/,
  });
  expect(error.hint).not.toMatch(/restore mode|the same command/);
});

test('a run that fails in the middle says that the target is half done, and what to do', async () => {
  const databases = await makeReadings(await apachePair(), 'bad_half_done', FAILS_WITH_ROWS);
  const error = await failureOf({ ...databases, jobs: 2 });
  expectError(error, {
    code: 'COPY',
    says: ['public.odd', 'odd_a_check'],
    advises: /--resume.*--clean-target/s,
  });
  expect(error.hint).toMatch(/half done/);
  expect(error.hint).toMatch(/restore mode/);
  const restoring = `SELECT count(*) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
    WHERE d.datname = current_database() AND 'timescaledb.restoring=on' = ANY (s.setconfig)`;
  expect(await queryValue(databases.target, restoring), 'restore mode of the target').toBe('1');

  await expectSecondRunRefused(databases, 'rows and indexes');

  await runScript(databases.programs, databases.source, 'DROP TABLE odd; DROP FUNCTION picky');
  const { exitCode, stderr } = await hyperferry(
    ['migrate', '--clean-target', '--yes', '--pg-bin', databases.programs],
    { SOURCE: databases.source, TARGET: databases.target },
  );
  expect(exitCode, stderr).toBe(0);
  await expectEqualDatabases(databases.source, databases.target, databases.programs);
  expect(await queryValue(databases.target, restoring), 'restore mode of the target').toBe('0');
  expect(await queryValue(databases.target, `SELECT to_regnamespace('_hyperferry')`)).toBeNull();
});

test('a run that was killed leaves a target that says in which stage, and that can be cleaned', async () => {
  const databases = await makeReadings(await apachePair(), 'bad_killed', SLOW_TABLE);
  const run = startHyperferry(['migrate', '--jobs', '2', '--pg-bin', databases.programs], {
    SOURCE: databases.source,
    TARGET: databases.target,
  });
  await expectEventually(
    () => queryValue(databases.target, 'SELECT stage FROM _hyperferry.run').catch(() => 'none'),
    'rows and indexes',
    'stage of the run',
    60,
  );
  run.kill('SIGKILL');
  await run;
  for (const url of [databases.source, databases.target]) {
    await expectEventually(() => sessionsOfHyperferry(url), [], 'sessions of the killed run');
  }
  await expectSecondRunRefused(databases, 'rows and indexes');
  await runScript(databases.programs, databases.source, 'DROP TABLE slow');
  const { exitCode, stderr } = await hyperferry(
    ['migrate', '--clean-target', '--yes', '--pg-bin', databases.programs],
    { SOURCE: databases.source, TARGET: databases.target },
  );
  expect(exitCode, stderr).toBe(0);
  await expectEqualDatabases(databases.source, databases.target, databases.programs);
});

async function expectSecondRunRefused(
  databases: { source: string; target: string; programs: string },
  stage: string,
): Promise<void> {
  const ledger = 'SELECT source, stage FROM _hyperferry.run';
  const before = await queryValue(databases.target, ledger);
  const error = await failureOf(databases);
  expectError(error, {
    code: 'TARGET_NOT_EMPTY',
    says: ['did not finish', stage, /postgres@127\.0\.0\.1:\d+\/bad_/],
    advises: /hyperferry migrate --resume.*hyperferry migrate --clean-target/s,
  });
  expect(await queryValue(databases.target, ledger), 'the ledger').toBe(before);
}
