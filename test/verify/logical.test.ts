import { expect, test } from 'vitest';
import { verify } from '../../src/verify/verify.js';
import { apachePair } from '../integration/servers.js';
import { runScript } from '../integration/sql.js';
import { found } from './found.js';
import { makeSiblings } from './twins.js';

const content = (interval: string, step: string): string => `
CREATE EXTENSION timescaledb;
CREATE TABLE reading (at timestamptz NOT NULL, device int, value float8, PRIMARY KEY (at, device));
SELECT create_hypertable('reading', 'at', chunk_time_interval => interval '${interval}');
INSERT INTO reading SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 hour', i % 4, i FROM generate_series(0, 239) AS i;
CREATE TABLE counted (n int NOT NULL, value int);
SELECT create_hypertable('counted', 'n', chunk_time_interval => ${step});
INSERT INTO counted SELECT i, i FROM generate_series(1, 500) AS i;
CREATE TABLE plain (id int PRIMARY KEY);
INSERT INTO plain VALUES (1);
`;

test('hypertables whose chunks differ are equal through SQL, and not as they are stored', async () => {
  const { target } = await apachePair();
  const pair = await makeSiblings([target, target], 'verify_logical', [
    content('1 day', '100'),
    content('3 days', '70'),
  ]);
  expect((await verify({ ...pair })).equal).toBe(false);
  const verification = await verify({ ...pair, logical: true });
  expect(found(verification)).toEqual([]);
  expect(verification).toMatchObject({
    equal: true,
    logical: { compared: 3 },
    rows: { source: 741, target: 741 },
  });

  await runScript(
    pair.programs,
    pair.target,
    `UPDATE reading SET value = -1 WHERE at = '2026-01-04 05:00+00'; DELETE FROM counted WHERE n = 77;
     INSERT INTO counted VALUES (100000, 1); DELETE FROM plain;`,
  );
  const { logical } = await verify({ ...pair, logical: true });
  const ranges = logical?.different ?? [];
  expect(ranges.map(({ relation }) => relation).sort()).toEqual([
    'public.counted',
    'public.counted',
    'public.plain',
    'public.reading',
  ]);
  const reading = ranges.find(({ relation }) => relation === 'public.reading');
  expect(reading?.examples).toEqual([
    {
      key: { at: '2026-01-04 05:00:00+00', device: '1' },
      source: [{ value: '77' }],
      target: [{ value: '-1' }],
    },
  ]);
  // Of ten days, the range is narrowed down to about half an hour.
  const length = Date.parse(`${reading?.to}:00`) - Date.parse(`${reading?.from}:00`);
  expect(length).toBeLessThan(40 * 60_000);
});

test('only rows between --since and --until count', async () => {
  const { target } = await apachePair();
  const pair = await makeSiblings([target, target], 'verify_since', [
    content('1 day', '100'),
    content('1 day', '100'),
  ]);
  await runScript(pair.programs, pair.target, `DELETE FROM reading WHERE at = '2026-01-04 05:00+00'`);
  const since = await verify({ ...pair, since: '2026-01-05' });
  expect(since).toMatchObject({ equal: true, rows: { source: 144, target: 144 } });
  expect(since.notCompared.map(({ object }) => object).sort()).toEqual([
    'hypertable public.counted',
    'table public.plain',
  ]);
  expect((await verify({ ...pair, until: '2026-01-04 05:00+00' })).equal).toBe(true);
  expect((await verify({ ...pair, since: '2026-01-04 05:00+00', until: '2026-01-05' })).equal).toBe(false);
  await expect(verify({ ...pair, since: 'yesterday-ish' })).rejects.toMatchObject({ code: 'USAGE' });
  for (const [since, until] of [
    ['2026-01-05 00:00+00', '2026-01-04 23:00+00'],
    ['5', '5'],
  ]) {
    await expect(verify({ ...pair, since, until })).rejects.toMatchObject({
      code: 'USAGE',
      message: `expected --until after --since, but ${since} and ${until} came`,
    });
  }
});
