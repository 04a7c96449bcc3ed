import { expect, test } from 'vitest';
import { migrate } from '../../src/index.js';
import { expectEventually } from '../bad-input/processes.js';
import { altered, makeReadings } from '../bad-input/readings.js';
import { startReplica } from '../bad-input/start-replica.js';
import { expectEqualDatabases } from '../integration/compare/databases.js';
import { apachePair, startExtraServer } from '../integration/servers.js';
import { query, queryValue } from '../integration/sql.js';
import { beginOf, stopAt } from './stopped.js';

test('all is copied again from a standby, which counts none of the rows that it replays', async () => {
  const { target } = await apachePair();
  const primary = await startExtraServer('resumed-primary', { settings: { wal_level: 'replica' } });
  const databases = await makeReadings({ source: primary, target }, 'resume_standby');
  const standby = altered(databases.source, { port: String(await startReplica(primary)) });
  const replays = (value: string) =>
    expectEventually(
      () => queryValue(standby, 'SELECT name FROM device WHERE id = 3').catch(() => 'not yet there'),
      value,
      'a row on the standby',
    );
  await replays('device 3');
  const fromStandby = { ...databases, source: standby, skipChecks: ['replica'] };
  await stopAt(fromStandby, beginOf('verify'));
  await query(databases.source, `UPDATE device SET name = 'renamed' WHERE id = 3`);
  await replays('renamed');

  const outcome = await migrate({ ...fromStandby, jobs: 2, resume: true, verify: 'counts' });
  expect(await queryValue(databases.target, 'SELECT name FROM device WHERE id = 3')).toBe('renamed');
  expect(outcome.resumed).toMatchObject([{ attempt: 2, kept: { relations: 0 } }]);
  expect(outcome.notices.join('\n')).toContain('all relations are copied again');
  await expectEqualDatabases(databases.source, databases.target, databases.programs);
});
