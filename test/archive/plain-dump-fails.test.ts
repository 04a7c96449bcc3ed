import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { dump } from '../../src/index.js';
import { makeDatabases } from '../integration/databases.js';
import { apachePair } from '../integration/servers.js';
import { expectFailure, expectNothingIn, temporaryFolder } from './dumped.js';

/** Two tables of about 2 MB each. */
const TWO_TABLES = `
CREATE TABLE one (a text);
INSERT INTO one SELECT repeat(n::text, 20) FROM generate_series(10000, 30000) AS n;
CREATE TABLE other AS TABLE one;`;

test('a limit on the size of files that only dump.sql passes is told as that', async () => {
  const { source, programs } = await makeDatabases(await apachePair(), 'plain_limit', TWO_TABLES);
  const folder = await temporaryFolder();
  const { exitCode, stderr } = await execa(
    'bash',
    [
      ...['-c', 'ulimit -f 3072; exec "$0" --import tsx src/cli/main.ts "$@"', process.execPath],
      ...['dump', '--out', join(folder, 'dump'), '--format', 'plain', '--pg-bin', programs],
    ],
    { reject: false, env: { SOURCE: source } },
  );
  expect(exitCode, stderr).toBe(1);
  expect(stderr).toMatch(/dump\.sql cannot be written: the file is as large as .* a limit allows \(EFBIG\)/);
  expect(stderr).toContain('ulimit -f');
  await expectNothingIn(folder);
});

test.each([
  {
    says: 'could not write to output file: Disk quota exceeded',
    code: 'ARCHIVE',
    message: /dump\.sql cannot be written: the user's quota of its disk is used up/,
    hint: 'write to another disk',
  },
  {
    says: 'unsupported version (1.17) in file header',
    code: 'CLIENT_PROGRAM',
    message: /pg_restore could not write dump\.sql: .*unsupported version/,
    hint: '--format archive',
  },
] as const)('pg_restore that fails with “$says”', async ({ says, code, message, hint }) => {
  const { source, programs } = await makeDatabases(
    await apachePair(),
    `plain_refused_${code}`,
    'CREATE TABLE t ()',
  );
  const [folder, bin] = [await temporaryFolder(), await temporaryFolder()];
  await symlink(join(programs, 'pg_dump'), join(bin, 'pg_dump'));
  const script = `#!/bin/sh\necho 'pg_restore: error: ${says}' >&2\nexit 1\n`;
  await writeFile(join(bin, 'pg_restore'), script, { mode: 0o755 });
  await expectFailure(dump({ source, programs: bin, format: 'plain', out: join(folder, 'dump') }), {
    code,
    says: [message],
    advises: hint,
  });
  await expectNothingIn(folder);
});
