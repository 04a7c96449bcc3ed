import { expect, test } from 'vitest';
import { type RestoreOptions, restore } from '../../src/archive/restore.js';
import { HyperferryError, joinRun, STAGES } from '../../src/index.js';
import { expectEventually } from '../bad-input/processes.js';
import { makeReadings } from '../bad-input/readings.js';
import { slowly } from '../bad-input/slow-table.js';
import { sessionsOfHyperferry } from '../bad-input/state.js';
import { hyperferry, startHyperferry } from '../cli/command-line.js';
import { expectEqualDatabases } from '../integration/compare/databases.js';
import { withDump } from '../integration/ferry.js';
import { apachePair } from '../integration/servers.js';
import { query, queryValue } from '../integration/sql.js';
import { makeWorkForEachStage } from '../resume/each-stage.js';
import { beginOf } from '../resume/stopped.js';

test('a restore that is interrupted at the beginning of each of its stages is whole in the end', {
  timeout: 300_000,
}, async () => {
  const databases = await makeWorkForEachStage('restore_interrupted');
  const { source, target, programs } = databases;
  await withDump({ source, programs }, async (from) => {
    let hasLedger = false;
    for (const stage of STAGES) {
      const interruption = new AbortController();
      const error = await failureOf({
        from,
        target,
        jobs: 2,
        resume: hasLedger,
        signal: interruption.signal,
        onEvent: (event) => {
          if (beginOf(stage)(event)) interruption.abort();
        },
      });
      expect(error.code, error.message).toBe('INTERRUPTED');
      // It comes with the end of the stage “snapshot”.
      hasLedger ||= stage === 'roles';
      expect(await queryValue(target, `SELECT to_regclass('_hyperferry.task') IS NOT NULL`), stage).toBe(
        hasLedger ? 't' : 'f',
      );
    }
    await restore({ from, target, jobs: 2, resume: true });
  });
  expect(await queryValue(target, `SELECT to_regnamespace('_hyperferry')`), 'the ledger').toBeNull();
  await expectEqualDatabases(source, target, programs);
});

test('a restore that stopped is told by its own command: by status, by clean, and by the next run', async () => {
  const databases = await makeReadings(await apachePair(), 'restore_told');
  const { source, target, programs } = databases;
  await withDump({ source, programs }, async (from) => {
    const interruption = new AbortController();
    await failureOf({
      from,
      target,
      signal: interruption.signal,
      onEvent: (event) => {
        if (beginOf('statistics')(event)) interruption.abort();
      },
    });
    const { stdout } = await hyperferry(['status'], { TARGET: target });
    expect(stdout).toMatch(/^Restore from \/.*: stopped/);
    expect(stdout).toMatch(/hyperferry restore --resume .*\n.*hyperferry restore --clean-target /);
    const begun = await failureOf({ from, target });
    expect(begun.hint).toMatch(/hyperferry restore --resume .*\n.*hyperferry restore --clean-target /);
    const cleaned = await hyperferry(['clean'], { TARGET: target });
    expect(cleaned.stderr).toContain('hyperferry restore --resume');
    await expect(joinRun({ target })).rejects.toMatchObject({
      hint: expect.stringContaining('hyperferry restore --resume'),
    });
  });
});

/** Tables of more than fit into one task, with a row that takes its time to bring. */
const SLOW_TABLES = `
${slowly(1)}
DO $$ BEGIN FOR n IN 1..8 LOOP
  EXECUTE format('CREATE TABLE slow_%s (a int CHECK (slowly(a)), filler text); ALTER TABLE slow_%s ALTER filler SET STORAGE EXTERNAL', n, n);
  EXECUTE format('INSERT INTO slow_%s VALUES (%s, repeat(md5(%s::text), 270000))', n, n, n);
END LOOP; END $$;`;

test('a restore by two processes that was killed goes on where it was', async () => {
  const databases = await makeReadings(await apachePair(), 'restore_killed', SLOW_TABLES);
  const { source, target, programs } = databases;
  await withDump({ source, programs }, async (from) => {
    const start = (...flags: string[]) =>
      startHyperferry(['restore', '--from', from, '--jobs', '2', '--processes', '2', ...flags], {
        TARGET: target,
      });
    const run = start();
    const finished = () =>
      queryValue(target, 'SELECT count(*) > 2 FROM _hyperferry.task WHERE finished_at IS NOT NULL').catch(
        () => null,
      );
    await expectEventually(finished, 't', 'tasks that are finished', 90);
    run.kill('SIGKILL');
    await run;
    await expectEventually(() => sessionsOfHyperferry(target), [], 'sessions that are left', 30);
    const before = await copiesOf(target);

    const { exitCode, stderr } = await start('--resume', '--keep-ledger');
    expect(exitCode, stderr).toBe(0);
    expect(stderr, 'no process died').not.toContain('worker process');
    const after = await copiesOf(target);
    expect(before.length, 'copies before the kill').toBeGreaterThan(0);
    expect(after.slice(0, before.length), 'copies that were not made again').toEqual(before);
    expect(after.length, 'copies in all').toBeGreaterThan(before.length);
  });
  await query(target, 'DROP SCHEMA _hyperferry CASCADE');
  await expectEqualDatabases(source, target, programs);
});

test('another dump of the same source is not what a restore goes on with', async () => {
  const databases = await makeReadings(await apachePair(), 'restore_another');
  const { source, target, programs } = databases;
  const interruption = new AbortController();
  await withDump({ source, programs }, (from) =>
    failureOf({
      from,
      target,
      signal: interruption.signal,
      onEvent: (event) => {
        if (beginOf('constraints')(event)) interruption.abort();
      },
    }),
  );
  const error = await withDump({ source, programs }, (from) => failureOf({ from, target, resume: true }));
  expect(error.code).toBe('USAGE');
  expect(error.message).toContain('expected the source that the run was begun with');
});

/** The relations whose rows are there, each with who brought it, in the order in which they came. */
function copiesOf(target: string): Promise<{ position: string; object: string; worker: string }[]> {
  return query(
    target,
    'SELECT position, object, worker FROM _hyperferry.done WHERE kind IS NOT NULL ORDER BY position',
  );
}

async function failureOf(options: RestoreOptions): Promise<HyperferryError> {
  const end = await restore(options).then(
    () => 'the restore was done',
    (error: unknown) => error,
  );
  expect(end).toBeInstanceOf(HyperferryError);
  return end as HyperferryError;
}
