import { join } from 'node:path';
import { expect, test } from 'vitest';
import { dump } from '../../src/index.js';
import { makeReadings } from '../bad-input/readings.js';
import { apachePair } from '../integration/servers.js';
import { withClient } from '../integration/sql.js';
import { temporaryFolder } from './dumped.js';

const MANY_CHUNKS = `
CREATE TABLE many (at int NOT NULL, value int);
SELECT create_hypertable('many', 'at', chunk_time_interval => 1);
INSERT INTO many SELECT n, n FROM generate_series(1, 250) AS n;`;

/** How many relations each session of the dump has locked: chunks, and others of the user's. */
const LOCKED = `
SELECT count(*) FILTER (WHERE c.relname LIKE '\\_hyper%\\_chunk')::int AS chunks,
       count(*) FILTER (WHERE c.relname IN ('many', 'reading', 'device'))::int AS others
FROM pg_locks l JOIN pg_stat_activity a USING (pid) JOIN pg_class c ON c.oid = l.relation AND c.relkind = 'r'
WHERE l.granted AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND pid <> pg_backend_pid()
GROUP BY pid`;

test('no session of a dump locks all chunks: definitions are read without, and rows some at a time', async () => {
  const { source, programs } = await makeReadings(await apachePair(), 'dump_locks', MANY_CHUNKS);
  const most = { ofDefinitions: { chunks: 0, others: 0 }, ofRows: { chunks: 0, others: 0 } };
  let now: keyof typeof most = 'ofDefinitions';
  let isOver = false;
  await withClient(source, async (client) => {
    const sampling = (async () => {
      while (!isOver) {
        const { rows } = await client.query<{ chunks: number; others: number }>(LOCKED);
        const { chunks, others } = most[now];
        most[now] = {
          chunks: Math.max(chunks, ...rows.map((row) => row.chunks)),
          others: Math.max(others, ...rows.map((row) => row.others)),
        };
      }
    })();
    const outcome = await dump({
      source,
      programs,
      out: join(await temporaryFolder(), 'dump'),
      jobs: 2,
      onEvent: (event) => {
        if (event.type === 'stage-started' && event.stage === 'rows') now = 'ofRows';
      },
    }).finally(() => {
      isOver = true;
    });
    await sampling;
    expect(outcome.chunks).toBe(253);
  });
  expect(most.ofDefinitions.others, 'pg_dump is seen at work').toBe(3);
  // The size of a relation is asked for with a lock on it, which ends at once.
  expect(most.ofDefinitions.chunks).toBeLessThan(5);
  expect(most.ofRows.chunks).toBeGreaterThan(1);
  expect(most.ofRows.chunks).toBeLessThanOrEqual(50);
});
