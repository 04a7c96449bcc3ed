import { afterEach, expect, test, vi } from 'vitest';
import { verifyCommand } from '../../src/cli/verify.js';
import { apachePair } from '../integration/servers.js';
import { found } from './found.js';
import { makeSiblings } from './twins.js';

afterEach(() => {
  process.exitCode = undefined;
  vi.restoreAllMocks();
});

async function run(...parameters: string[]): Promise<{ code: unknown; stdout: string; stderr: string }> {
  const written = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    vi.spyOn(process[stream], 'write').mockImplementation((text) => {
      written[stream] += String(text);
      return true;
    });
  }
  await verifyCommand().exitOverride().parseAsync(parameters, { from: 'user' });
  return { code: process.exitCode, ...written };
}

const TABLE = 'CREATE TABLE t (id int PRIMARY KEY, note text); INSERT INTO t VALUES (1, NULL);';

test('equal databases end with 0, different ones with 4, and both are told apart in words and as JSON', async () => {
  const { target } = await apachePair();
  const { source, target: other } = await makeSiblings([target, target], 'verify_cli', [
    TABLE,
    `${TABLE} UPDATE t SET note = '';`,
  ]);
  const same = await run('--source', source, '--target', source);
  expect(same.code).toBeUndefined();
  expect(same.stderr).toMatch(/^Equal$/m);
  expect(same.stdout).toBe('');
  vi.restoreAllMocks();

  const different = await run('--source', source, '--target', other, '--json');
  expect(different.code).toBe(4);
  expect(different.stderr).toMatch(/public\.t: 1 row on both sides, with other values/);
  expect(different.stderr).toMatch(/source note = NULL\n\s+target note = ""/);
  expect(found(JSON.parse(different.stdout))).toEqual(['rows of public.t different']);
});

test('what cannot be told is an error, not a difference', async () => {
  const { target } = await apachePair();
  await expect(
    run('--source', target.url, '--target', `${target.url}_that_is_not_there`),
  ).rejects.toMatchObject({
    code: 'CONNECT',
  });
});
