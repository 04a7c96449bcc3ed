import { describe, expect, test } from 'vitest';
import { makeDatabases } from '../integration/databases.js';
import { communityPair, hasCommunity } from '../integration/servers.js';
import { query } from '../integration/sql.js';
import { makeManagedTarget } from '../managed/managed-target.js';
import { expectFires, expectSilent } from './findings.js';

const OLD = '2.19.3';
const NEW = '2.29.2';

describe.skipIf(!hasCommunity)('versions that cannot be had, community edition', () => {
  test('update-target-after refuses a version to which there is no way from the source’s', async () => {
    const script = `CREATE EXTENSION timescaledb VERSION '${NEW}'`;
    const databases = await makeDatabases(await communityPair(), 'check_after_older', script);
    const expected = { id: 'update-target-after', severity: 'blocker', says: OLD } as const;
    await expectFires(databases, expected, { updateTargetAfter: OLD });
    await expectSilent(databases, 'update-target-after', { updateTargetAfter: NEW });
  });

  test('update-target-after refuses a target whose extension the role may not update', async () => {
    const pair = await communityPair();
    const script = `CREATE EXTENSION timescaledb VERSION '${OLD}'`;
    const databases = await makeDatabases(pair, 'check_after_managed', script);
    const { url, adminUrl } = await makeManagedTarget(pair.target, { version: OLD });
    const expected = { id: 'update-target-after', severity: 'blocker' } as const;
    await expectFires({ ...databases, target: url }, expected, { updateTargetAfter: NEW });
    await expectSilent({ ...databases, target: adminUrl }, expected.id, { updateTargetAfter: NEW });
  });

  test('timescale-version-fixed stops where the role may not change the target’s version', async () => {
    const pair = await communityPair();
    const make = (name: string, version: string) =>
      makeDatabases(pair, name, `CREATE EXTENSION timescaledb VERSION '${version}'`);
    const older = await make('check_fixed_older', OLD);
    const newer = await make('check_fixed_newer', NEW);
    const oldTarget = await makeManagedTarget(pair.target, { version: OLD });
    const newTarget = await makeManagedTarget(pair.target, { version: NEW });
    const id = 'timescale-version-fixed';
    await expectSilent({ ...older, target: oldTarget.url }, id);
    await expectSilent({ ...older, target: newTarget.adminUrl }, id);

    const down = { ...newer, target: oldTarget.url };
    const refused = await expectFires(down, { id, severity: 'blocker', says: NEW });
    expect(refused.mend).not.toContain('--update-source');

    const up = { ...older, target: newTarget.url };
    const { mend } = await expectFires(up, { id, severity: 'blocker', says: OLD });
    expect(mend).toContain('--update-source');
    await expectFires(up, { id, severity: 'note' }, { updateSource: true });
    await query(older.source, /ALTER EXTENSION [^;]+/.exec(mend)?.[0] ?? '');
    await expectSilent(up, id);
  });
});
