import { rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { clean, joinRun, restore, status } from '../../src/index.js';
import { expectEventually } from '../bad-input/processes.js';
import { makeReadings } from '../bad-input/readings.js';
import { slowly } from '../bad-input/slow-table.js';
import { startHyperferry } from '../cli/command-line.js';
import { expectEqualDatabases } from '../integration/compare/databases.js';
import { apachePair } from '../integration/servers.js';
import { query } from '../integration/sql.js';
import { beginOf } from '../resume/stopped.js';
import { dumped, expectFailure } from './dumped.js';

/** Tables of more than fit into one task, with a row that takes a third of a second to bring. */
const SLOW_TABLES = `
${slowly(0.3)}
DO $$ BEGIN FOR n IN 1..12 LOOP
  EXECUTE format('CREATE TABLE slow_%s (a int CHECK (slowly(a)), filler text); ALTER TABLE slow_%s ALTER filler SET STORAGE EXTERNAL', n, n);
  EXECUTE format('INSERT INTO slow_%s VALUES (%s, repeat(md5(%s::text), 270000))', n, n, n);
END LOOP; END $$;`;

test('a worker of another process helps a restore', async () => {
  const databases = await makeReadings(await apachePair(), 'restore_helped', SLOW_TABLES);
  const { source, target, programs } = databases;
  let helper: ReturnType<typeof startHyperferry> | undefined;
  const outcome = await restore({
    from: await dumped(databases),
    target,
    jobs: 1,
    keepLedger: true,
    onEvent: (event) => {
      if (beginOf('rows and indexes')(event))
        helper = startHyperferry(['worker', '--json'], { TARGET: target });
    },
  });
  const helped = await helper;
  expect(helped?.exitCode, helped?.stderr).toBe(0);
  const { relations, rows, source: shown } = JSON.parse(helped?.stdout ?? '');
  expect(relations).toBeGreaterThan(0);
  expect(rows).toBeGreaterThan(0);
  expect(shown, 'what it helped with').toMatch(/\/dump$/);
  expect(outcome.verification).toMatchObject({ equal: true, rows: { source: 91, target: 91 } });
  const byWorker = await query<{ n: number }>(
    target,
    'SELECT count(*)::int AS n FROM _hyperferry.done WHERE kind IS NOT NULL GROUP BY worker',
  );
  expect(
    byWorker.reduce((sum, { n }) => sum + n, 0),
    'each relation was brought once',
  ).toBe(17);
  await clean(target);
  await expectEqualDatabases(source, target, programs);
});

test('a dump that has moved: a worker that does not find it says so, and the restore goes on from the new place', async () => {
  const databases = await makeReadings(await apachePair(), 'restore_moved', SLOW_TABLES);
  const { source, target, programs } = databases;
  const from = await dumped(databases);
  const moved = join(dirname(from), 'moved');
  const interruption = new AbortController();
  let helping: Promise<unknown> = Promise.resolve();
  const begun = restore({
    from,
    target,
    jobs: 1,
    signal: interruption.signal,
    onEvent: (event) => {
      if (!beginOf('rows and indexes')(event)) return;
      helping = (async () => {
        // Some of it stands, and stays.
        await expectEventually(async () => (await status(target)).copied.relations > 0, true, 'rows', 60);
        await rename(from, moved);
        await expectFailure(joinRun({ target }), {
          code: 'USAGE',
          says: [`expected the dump of the run at ${from}, but nothing is there`],
          advises: 'mounted at the same path',
        });
        interruption.abort();
      })();
    },
  });
  await expect(begun).rejects.toThrow();
  await helping;

  let kept = 0;
  const outcome = await restore({
    from: moved,
    target,
    jobs: 2,
    resume: true,
    onEvent: (event) => {
      if (event.type === 'resumed') kept = event.kept.relations;
    },
  });
  expect(kept, 'what was not copied again').toBeGreaterThan(0);
  expect(outcome).toMatchObject({ source: moved, verification: { equal: true } });
  await expectEqualDatabases(source, target, programs);
});
