import { expect, test } from 'vitest';
import { migrateDatabase } from '../integration/ferry.js';
import { apachePair, type Pair, startExtraServer } from '../integration/servers.js';
import { makeReadings } from './readings.js';
import { expectRefusal } from './refusal.js';
import { rolesOf } from './state.js';

/** As few locks and connections as PostgreSQL and TimescaleDB start with. */
async function smallPair(): Promise<{ smallSource: Pair; smallTarget: Pair }> {
  const { source, target } = await apachePair();
  const small = await startExtraServer('small', {
    settings: {
      max_locks_per_transaction: '10',
      max_connections: '12',
      superuser_reserved_connections: '2',
      max_worker_processes: '16',
      max_wal_senders: '0',
    },
  });
  return { smallSource: { source: small, target }, smallTarget: { source, target: small } };
}

test('a source with more relations than its server has locks is refused, with the setting to raise', async () => {
  const { smallSource } = await smallPair();
  const tables = `SELECT format('CREATE TABLE many_%s ()', n) FROM generate_series(1, 400) AS n \\gexec`;
  const databases = await makeReadings(smallSource, 'bad_locks', tables);
  await expectRefusal(
    databases,
    {
      code: 'ROOM',
      says: [/40\d locks/, 'max_locks_per_transaction = 10'],
      advises: /ALTER SYSTEM SET max_locks_per_transaction = \d+/,
    },
    { jobs: 1 },
  );
});

test('more workers than the source or the target has connections are refused', async () => {
  const { smallSource, smallTarget } = await smallPair();
  const sides = { source: smallSource, target: smallTarget };
  for (const side of ['source', 'target'] as const) {
    const databases = await makeReadings(sides[side], `bad_connections_${side}`);
    const roles = () => rolesOf(sides[side][side].url, databases.programs);
    const before = await roles();
    await expectRefusal(
      databases,
      {
        code: 'ROOM',
        says: [`free connections on the ${side} for --jobs 20`, /\d+ of 12 are free/],
        advises: 'fewer --jobs',
      },
      { jobs: 20 },
    );
    // No other test uses the small server.
    expect(await roles(), `roles of the ${side}`).toEqual(before);
  }
});

test('without a number, as many workers start as the connections allow', async () => {
  const { smallSource } = await smallPair();
  const databases = await makeReadings(smallSource, 'bad_default_jobs');
  const outcome = await migrateDatabase(databases, { jobs: undefined });
  expect(outcome.jobs).toBeLessThanOrEqual(6);
  expect(outcome.rows).toBe(79);
});
