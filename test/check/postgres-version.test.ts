import { test } from 'vitest';
import { clientBinFolder } from '../../sandbox/index.js';
import { makeDatabases } from '../integration/databases.js';
import { startExtraServer } from '../integration/servers.js';
import { expectFires, expectSilent } from './findings.js';
import { checkPair } from './pair.js';

test('postgres-older-target stops the way down, and is silent about the way up', async () => {
  const { source: old } = await checkPair();
  const settings = { 'timescaledb.max_background_workers': '0' };
  const recent = await startExtraServer('check-postgres-18', { postgres: 18, settings });
  const programs = await clientBinFolder(18);

  const down = await makeDatabases({ source: recent, target: old }, 'check_down', '');
  await expectFires(
    { ...down, programs },
    {
      id: 'postgres-older-target',
      severity: 'blocker',
      says: /PostgreSQL 18 or newer, but it is PostgreSQL 17/,
    },
  );
  const up = await makeDatabases({ source: old, target: recent }, 'check_up', '');
  await expectSilent({ ...up, programs }, 'postgres-older-target');
  const level = await makeDatabases(await checkPair(), 'check_level', '');
  await expectSilent(level, 'postgres-older-target');
});
