import { expect, test } from 'vitest';
import { verify } from '../../src/index.js';
import { apachePair, startExtraServer } from '../integration/servers.js';
import { queryValue } from '../integration/sql.js';
import { expectEventually } from './processes.js';
import { altered, makeReadings } from './readings.js';
import { expectRefusal } from './refusal.js';
import { startReplica } from './start-replica.js';

test('a replica is neither a source nor a target', async () => {
  const { source, target } = await apachePair();
  const primary = await startExtraServer('primary', { settings: { wal_level: 'replica' } });
  const databases = await makeReadings(
    { source: primary, target },
    'bad_replica',
    'CREATE UNLOGGED TABLE scratch AS SELECT 1 AS a;',
  );
  const replica = altered(databases.source, { port: String(await startReplica(primary)) });
  await expectEventually(
    () => queryValue(replica, 'SELECT count(*) FROM reading').catch(() => 'not yet there'),
    '72',
    'rows on the replica',
  );

  await expectRefusal(
    databases,
    {
      code: 'UNSUITABLE',
      says: [
        'expected a primary as source',
        'replica in recovery, on which unlogged tables cannot be read: public.scratch',
      ],
      advises: 'primary',
    },
    { source: replica },
  );
  await expect(
    verify({ source: replica, target: databases.source, jobs: 1 }),
    'that the table is named which cannot be read',
  ).rejects.toThrow(/^the source could not read public\.scratch: cannot access temporary or unlogged/);
  const other = await makeReadings({ source, target }, 'bad_replica_target');
  await expectRefusal(
    other,
    { code: 'UNSUITABLE', says: ['expected a primary as target', 'replica'], advises: 'primary' },
    { target: replica },
  );
  expect(await queryValue(replica, 'SELECT pg_is_in_recovery()')).toBe('t');
});
