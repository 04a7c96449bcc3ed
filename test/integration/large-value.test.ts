import { expect, test } from 'vitest';
import { makeDatabases } from './databases.js';
import { expectFaithfulRun, withDump } from './ferry.js';
import { apachePair } from './servers.js';

test('a value of 600 MB passes through without being held in memory', { timeout: 600_000 }, async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'large_value',
    `
    CREATE EXTENSION timescaledb;
    CREATE TABLE film (at timestamptz NOT NULL, content bytea STORAGE EXTERNAL);
    INSERT INTO film VALUES ('2026-01-01 00:00+00', convert_to(repeat('0123456789abcde\n', 37500000), 'UTF8'));
    INSERT INTO film VALUES ('2026-01-02 00:00+00', '\\x00'), ('2026-01-03 00:00+00', NULL);
    `,
  );
  const before = process.memoryUsage().rss;
  let most = before;
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss);
  }, 20);
  try {
    const outcome = await expectFaithfulRun(databases);
    expect(outcome.bytes).toBeGreaterThan(600_000_000);
  } finally {
    clearInterval(watch);
  }
  // In text, which an archive is, it passes 1 GB: no server writes it.
  const dumped = withDump(databases, async () => 'a dump');
  await expect(dumped).rejects.toThrow('an archive holds rows as text: public.film.content');
  expect((most - before) / 1e6, 'megabytes that the process grew by').toBeLessThan(200);
});
