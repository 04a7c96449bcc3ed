import { expect, test } from 'vitest';
import { roomOfDump } from '../../src/check/out-room.js';

const GB = 1024 ** 3;

const INTO = {
  gzip: { format: 'archive', compression: { algorithm: 'gzip' } },
  uncompressed: { format: 'archive', compression: { algorithm: 'none' } },
  plain: { format: 'plain', compression: { algorithm: 'none' } },
} as const;

test.each([
  { into: 'gzip', free: 100, severity: undefined },
  { into: 'gzip', free: 99, severity: 'warning' },
  { into: 'gzip', free: 11, severity: 'warning' },
  { into: 'gzip', free: 9, severity: 'blocker' },
  { into: 'uncompressed', free: 100, severity: undefined },
  { into: 'uncompressed', free: 26, severity: 'warning' },
  { into: 'uncompressed', free: 24, severity: 'blocker' },
  { into: 'plain', free: 200, severity: undefined },
  { into: 'plain', free: 199, severity: 'warning' },
  { into: 'plain', free: 49, severity: 'blocker' },
] as const)('$free GB for 100 GB of tables, $into: $severity', ({ into, free, severity }) => {
  const [finding, ...others] = roomOfDump(100 * GB, free * GB, INTO[into]);
  expect(finding?.severity).toBe(severity);
  expect(others).toEqual([]);
});

test('a plain dump says that it is written twice, and what takes less', () => {
  const [finding] = roomOfDump(100 * GB, 10 * GB, INTO.plain);
  expect(finding?.found).toBe(
    'expected at least 51200 MB free for --out, but 10240 MB are: the tables take 102400 MB, and a plain dump is written twice: as an archive and as dump.sql',
  );
  expect(finding?.mend).toContain('--format archive');
  expect(roomOfDump(100 * GB, 10 * GB, INTO.uncompressed)[0]?.mend).toContain('--compress gzip');
});
