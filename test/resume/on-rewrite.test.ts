import { describe, expect, test } from 'vitest';
import { makeReadings } from '../bad-input/readings.js';
import { expectError, failureOf } from '../bad-input/refusal.js';
import { expectFaithfulRun } from '../integration/ferry.js';
import { apachePair, communityPair, hasCommunity } from '../integration/servers.js';
import { query } from '../integration/sql.js';
import { onStage, runAtOnce } from './stopped.js';

const CHUNK = '_timescaledb_internal._hyper_1_1_chunk';

/** What another session does between the snapshot and the copy, and whether that needs the community edition. */
const CHANGES: Record<string, { before?: string; change: string; community?: true }> = {
  'a chunk truncated': { change: `TRUNCATE ${CHUNK}` },
  'a chunk dropped': { change: `SELECT drop_chunks('reading', timestamptz '2026-01-02 00:00+00')` },
  'a chunk rewritten': { change: `VACUUM FULL ${CHUNK}` },
  'a table dropped and made anew': {
    change: `DROP TABLE device; CREATE TABLE device (id int PRIMARY KEY, name text); INSERT INTO device VALUES (1, 'new')`,
  },
  'a chunk compressed': {
    before: `ALTER TABLE reading SET (timescaledb.compress, timescaledb.compress_segmentby = 'device')`,
    change: `SELECT compress_chunk('${CHUNK}')`,
    community: true,
  },
  'a chunk decompressed': {
    before: `ALTER TABLE reading SET (timescaledb.compress); SELECT compress_chunk('${CHUNK}')`,
    change: `SELECT decompress_chunk('${CHUNK}')`,
    community: true,
  },
};

describe('with --on-rewrite retry, what was rewritten is copied anew under a new snapshot', () => {
  for (const [what, { before = '', change, community }] of Object.entries(CHANGES)) {
    const isSkipped = community === true && !hasCommunity;
    test.skipIf(isSkipped)(`${what}${isSkipped ? ' (skipped: no community edition)' : ''}`, async () => {
      const pair = await (community ? communityPair() : apachePair());
      const databases = await makeReadings(pair, `retry_${what.replaceAll(' ', '_')}`, before);
      const outcome = await expectFaithfulRun(databases, {
        onRewrite: 'retry',
        onEvent: onStage('rows and indexes', () => runAtOnce(databases.programs, databases.source, change)),
      });
      expect(outcome.resumed.map(({ attempt }) => attempt)).toEqual([2]);
    });
  }
});

test('what only the last attempt could bring is not told as left out', async () => {
  const databases = await makeReadings(
    await apachePair(),
    'retry_left_out',
    'CREATE TABLE twice (a int); INSERT INTO twice VALUES (1), (1)',
  );
  await expect(query(databases.source, 'CREATE UNIQUE INDEX CONCURRENTLY once ON twice (a)')).rejects.toThrow(
    /unique index/,
  );
  const seen: string[] = [];
  const mend = `VACUUM FULL ${CHUNK}; DELETE FROM twice WHERE ctid = '(0,1)'; REINDEX INDEX once`;
  const rewrite = onStage('rows and indexes', () => runAtOnce(databases.programs, databases.source, mend));
  const outcome = await expectFaithfulRun(databases, {
    onRewrite: 'retry',
    onEvent: (event) => {
      if (event.type === 'left-out') seen.push(event.object);
      rewrite(event);
    },
  });
  expect(seen).toContain('index public.once');
  expect(outcome.leftOut.map(({ object }) => object)).not.toContain('index public.once');
});

for (const [what, change] of Object.entries({
  'while it was read': 'VACUUM FULL device',
  'could not read public.device': 'ALTER TABLE device RENAME TO gadget',
})) {
  test(`what changes before it is compared stops the run, which tells of --on-rewrite (${what})`, async () => {
    const databases = await makeReadings(
      await apachePair(),
      `compared_${change.toLowerCase().replaceAll(' ', '_')}`,
    );
    const error = await failureOf({
      ...databases,
      onEvent: onStage('verify', () => runAtOnce(databases.programs, databases.source, change)),
    });
    expectError(error, {
      code: 'SOURCE_CHANGED',
      says: [what],
      advises: '--on-rewrite retry',
    });
  });
}

test('a source that is rewritten again and again stops the run in the end, by name', async () => {
  const databases = await makeReadings(await apachePair(), 'retry_forever');
  let rewrites = 0;
  const error = await failureOf({
    ...databases,
    onRewrite: 'retry',
    onEvent: (event) => {
      if (event.type !== 'stage-started' || event.stage !== 'rows and indexes') return;
      rewrites++;
      runAtOnce(databases.programs, databases.source, `VACUUM FULL ${CHUNK}`);
    },
  });
  expectError(error, { code: 'SOURCE_CHANGED', says: ['_hyper_1_1_chunk'], advises: '--resume' });
  expect(rewrites).toBe(6);
  await expectFaithfulRun(databases, { resume: true });
});
