import { expect, test } from 'vitest';
import { makeReadings } from '../bad-input/readings.js';
import { hyperferry } from '../cli/command-line.js';
import { apachePair } from '../integration/servers.js';

test('a run with many workers prints no warning of Node', async () => {
  const { source, target, programs } = await makeReadings(await apachePair(), 'many_workers');
  const { exitCode, stderr } = await hyperferry(['migrate', '--jobs', '12', '--pg-bin', programs], {
    SOURCE: source,
    TARGET: target,
  });
  expect(exitCode, stderr).toBe(0);
  expect(stderr).not.toMatch(/warning/i);
});
