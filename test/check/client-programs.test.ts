import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { clientBinFolder } from '../../sandbox/index.js';
import { makeDatabases } from '../integration/databases.js';
import { expectFires, expectSilent } from './findings.js';
import { checkPair } from './pair.js';

test('programs of the servers’ version are no matter', async () => {
  const databases = await makeDatabases(await checkPair(), 'check_programs', '');
  await expectSilent(databases, 'client-programs');
  await expectSilent(databases, 'client-programs-newer');
});

test('client-programs stops at a folder without pg_dump, and names it', async () => {
  const databases = await makeDatabases(await checkPair(), 'check_no_programs', '');
  const folder = await mkdtemp(join(tmpdir(), 'hyperferry-programs-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const { mend, code } = await expectFires(
    { ...databases, programs: folder },
    { id: 'client-programs', severity: 'blocker', says: folder },
  );
  expect(mend).toContain('--pg-bin');
  expect(code).toBe('CLIENT_PROGRAM');
});

test('client-programs-newer names a pg_dump that is newer than the target', async () => {
  const databases = await makeDatabases(await checkPair(), 'check_newer_programs', '');
  const programs = await clientBinFolder(18);
  await expectFires(
    { ...databases, programs },
    {
      id: 'client-programs-newer',
      severity: 'note',
      objects: [join(programs, 'pg_dump')],
      says: /of PostgreSQL 18, the target of 17/,
    },
  );
});
