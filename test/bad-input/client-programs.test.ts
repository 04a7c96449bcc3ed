import { access, chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { migrate } from '../../src/index.js';
import { hyperferry } from '../cli/command-line.js';
import { apachePair } from '../integration/servers.js';
import { makeReadings } from './readings.js';
import { expectRefusal } from './refusal.js';

const OLD_PROGRAMS = '/usr/lib/postgresql/15/bin';
const hasOldPrograms = await access(join(OLD_PROGRAMS, 'pg_dump')).then(
  () => true,
  () => false,
);

test('a folder without pg_dump is refused, and named', async () => {
  const databases = await makeReadings(await apachePair(), 'bad_no_dump');
  const empty = await folderWithDump(undefined);
  await expectRefusal(
    databases,
    {
      code: 'CLIENT_PROGRAM',
      says: ['expected pg_dump of PostgreSQL 17 or newer', 'found none', `looked in ${empty}`],
      advises: '--pg-bin',
    },
    { programs: empty },
  );
  const { exitCode, stderr } = await hyperferry([
    'migrate',
    '--source',
    databases.source,
    '--target',
    databases.target,
    '--pg-bin',
    empty,
  ]);
  expect({ exitCode, stderr }).toEqual({
    exitCode: 1,
    stderr: expect.stringContaining(`looked in ${empty}`),
  });
});

test.skipIf(!hasOldPrograms)(
  `a pg_dump older than the source is refused${hasOldPrograms ? '' : ` (skipped: no ${OLD_PROGRAMS})`}`,
  async () => {
    const databases = await makeReadings(await apachePair(), 'bad_old_dump');
    await expectRefusal(
      databases,
      {
        code: 'CLIENT_PROGRAM',
        says: ['PostgreSQL 17 or newer', `${OLD_PROGRAMS}/pg_dump (15)`],
        advises: 'client programs of PostgreSQL 17',
      },
      { programs: OLD_PROGRAMS },
    );
  },
);

test('a folder for temporary files that is not there is named, and one too long for a socket does no harm', async () => {
  const databases = await makeReadings(await apachePair(), 'bad_temporary');
  onTestFinished(() => void vi.unstubAllEnvs());
  vi.stubEnv('TMPDIR', '/not/there');
  await expectRefusal(databases, {
    code: 'CLIENT_PROGRAM',
    says: ['none could be made in /not/there', 'ENOENT'],
    advises: 'TMPDIR',
  });
  vi.stubEnv('TMPDIR', `/tmp/${'long'.repeat(30)}`);
  expect((await migrate({ ...databases, jobs: 2 })).verification).toMatchObject({ equal: true });
});

test('a pg_dump that says it is of PostgreSQL 12 is refused by what it says', async () => {
  const databases = await makeReadings(await apachePair(), 'bad_older_dump');
  const folder = await folderWithDump('echo "pg_dump (PostgreSQL) 12.22"');
  await expectRefusal(
    databases,
    { code: 'CLIENT_PROGRAM', says: [`${folder}/pg_dump (12)`], advises: '--pg-bin' },
    { programs: folder },
  );
});

test('what a failing pg_dump says comes with the error', async () => {
  const databases = await makeReadings(await apachePair(), 'bad_failing_dump');
  const folder = await folderWithDump(
    'test "$1" = --version && echo "pg_dump (PostgreSQL) 17.0" && exit; echo "out of ink" >&2; exit 1',
  );
  await expectRefusal(
    databases,
    { code: 'CLIENT_PROGRAM', says: [`${folder}/pg_dump failed`, 'out of ink'], advises: '' },
    { programs: folder },
  );
});

test('a pg_dump that writes something else than an archive is refused', async () => {
  const databases = await makeReadings(await apachePair(), 'bad_odd_dump');
  const folder = await folderWithDump('echo "pg_dump (PostgreSQL) 17.0"');
  await expectRefusal(
    databases,
    { code: 'CLIENT_PROGRAM', says: ['archive cannot be read'], advises: '--pg-bin' },
    { programs: folder },
  );
});

/** A folder with a program `pg_dump` that does this, or an empty one; gone when the test ends. */
async function folderWithDump(script: string | undefined): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'hyperferry-programs-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  if (script !== undefined) {
    await writeFile(join(folder, 'pg_dump'), `#!/bin/sh\n${script}\n`);
    await chmod(join(folder, 'pg_dump'), 0o755);
  }
  return folder;
}
