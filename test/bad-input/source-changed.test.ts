import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Event } from '../../src/index.js';
import type { Databases } from '../integration/databases.js';
import { expectFaithfulRun, migrateDatabase } from '../integration/ferry.js';
import { apachePair, communityPair, hasCommunity } from '../integration/servers.js';
import { queryValue } from '../integration/sql.js';
import { makeReadings } from './readings.js';
import { expectError, failureOf } from './refusal.js';

const CHUNK = '_timescaledb_internal._hyper_1_1_chunk';

/** What another session does between the snapshot and the copy, and whether that needs the community edition. */
const CHANGES: Readonly<
  Record<string, { before?: string; change: string; names: string; community?: true }>
> = {
  'a chunk truncated': { change: `TRUNCATE ${CHUNK}`, names: '_hyper_1_1_chunk' },
  'a chunk dropped': {
    change: `SELECT drop_chunks('reading', older_than => timestamptz '2026-01-02 00:00+00')`,
    names: '_hyper_1_1_chunk',
  },
  'a chunk rewritten by VACUUM FULL': { change: `VACUUM FULL ${CHUNK}`, names: '_hyper_1_1_chunk' },
  'a chunk rewritten by CLUSTER': {
    before: 'CREATE INDEX by_device ON reading (device)',
    change: `CLUSTER ${CHUNK} USING _hyper_1_1_chunk_by_device`,
    names: '_hyper_1_1_chunk',
  },
  'a plain table truncated': { change: 'TRUNCATE device', names: 'public.device' },
  'a table rewritten by ALTER TABLE': {
    change: 'ALTER TABLE device ALTER COLUMN id TYPE bigint',
    names: 'public.device',
  },
  'a table dropped': { change: 'DROP TABLE device', names: 'device' },
  'a table renamed': { change: 'ALTER TABLE device RENAME TO gadget', names: 'device' },
  'names of columns exchanged': {
    before: `ALTER TABLE device ADD other text DEFAULT 'x'`,
    change: `ALTER TABLE device RENAME name TO third; ALTER TABLE device RENAME other TO name; ALTER TABLE device RENAME third TO other`,
    names: 'of public.device',
  },
  'a column of a hypertable replaced by another of its name': {
    change: 'ALTER TABLE reading DROP value; ALTER TABLE reading ADD value float8',
    names: 'of public.reading',
  },
  'a chunk compressed': {
    before: `ALTER TABLE reading SET (timescaledb.compress, timescaledb.compress_segmentby = 'device')`,
    change: `SELECT compress_chunk('${CHUNK}')`,
    names: '_hyper_1_1_chunk',
    community: true,
  },
  'a chunk decompressed': {
    before: `ALTER TABLE reading SET (timescaledb.compress); SELECT compress_chunk('${CHUNK}')`,
    change: `SELECT decompress_chunk('${CHUNK}')`,
    names: 'compress',
    community: true,
  },
};

for (const [what, { before = '', change, names, community }] of Object.entries(CHANGES)) {
  const isSkipped = community === true && !hasCommunity;
  const reason = isSkipped ? ' (skipped: no community edition)' : '';
  test.skipIf(isSkipped)(`${what} after the snapshot stops the run by name${reason}`, async () => {
    const pair = await (community ? communityPair() : apachePair());
    const databases = await makeReadings(pair, `bad_${what.replaceAll(' ', '_').toLowerCase()}`, before);
    const error = await failureOf({
      ...databases,
      jobs: 2,
      onEvent: onStage('schema', () => runAtOnce(databases, change)),
    });
    expectError(error, {
      code: 'SOURCE_CHANGED',
      says: [names, 'after the snapshot'],
      advises: /hyperferry migrate --on-rewrite retry.*--clean-target/s,
    });
  });
}

test('rows written to the source after the snapshot do not stop the run, and stay behind', async () => {
  const databases = await makeReadings(await apachePair(), 'bad_rows_written');
  const writes = `INSERT INTO reading VALUES ('2026-01-01 00:30+00', 1, 1), ('2026-06-01', 1, 1);
    DELETE FROM device WHERE id = 1; ALTER TABLE device ADD added int; UPDATE device SET name = 'new'; CREATE TABLE later AS SELECT 1;`;
  const outcome = await migrateDatabase(databases, {
    onEvent: onStage('schema', () => runAtOnce(databases, writes)),
  });
  expect(outcome.rows).toBe(79);
  expect(await queryValue(databases.target, `SELECT count(*) FROM device WHERE name LIKE 'device %'`)).toBe(
    '7',
  );
  expect(await queryValue(databases.target, `SELECT to_regclass('later')`)).toBeNull();
});

test('a run that was stopped so succeeds when it starts over', async () => {
  const databases = await makeReadings(await apachePair(), 'bad_start_over');
  await failureOf({
    ...databases,
    onEvent: onStage('schema', () => runAtOnce(databases, 'VACUUM FULL device')),
  });
  expect((await expectFaithfulRun(databases, { cleanTarget: true })).rows).toBe(79);
});

/** A listener that acts when a stage begins; the run waits for it, since it does not return before. */
function onStage(stage: string, act: () => void): (event: Event) => void {
  return (event) => {
    if (event.type === 'stage-started' && event.stage === stage) act();
  };
}

function runAtOnce({ programs, source }: Databases, sql: string): void {
  execFileSync(join(programs, 'psql'), ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-c', sql, source], {
    stdio: 'pipe',
  });
}
