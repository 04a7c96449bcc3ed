import { expect, test } from 'vitest';
import { makeDatabases } from '../integration/databases.js';
import { expectFires, expectSilent } from './findings.js';
import { altered, checkPair } from './pair.js';

test('same-database sees through two names of one server', async () => {
  const databases = await makeDatabases(await checkPair(), 'check_same', '');
  for (const target of [databases.source, altered(databases.source, { hostname: 'localhost' })]) {
    const { code } = await expectFires(
      { ...databases, target },
      { id: 'same-database', severity: 'blocker', objects: ['check_same'] },
    );
    expect(code).toBe('SAME_DATABASE');
  }
});

test('same-database is silent about databases of one name on two servers, and of two names on one', async () => {
  const databases = await makeDatabases(await checkPair(), 'check_not_same', '');
  await expectSilent(databases, 'same-database');
  const target = altered(databases.source, { pathname: '/postgres' });
  await expectSilent({ ...databases, target }, 'same-database');
});
