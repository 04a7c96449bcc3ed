import { expect, test } from 'vitest';
import { migrate } from '../../src/index.js';
import { makeDatabases } from '../integration/databases.js';
import { apachePair } from '../integration/servers.js';
import { queryValue } from '../integration/sql.js';

test('an unlogged partition whose row another takes on the target, by the hash of an enum, is no loss', async () => {
  const partitions = Array.from(
    { length: 16 },
    (_, at) => `
CREATE UNLOGGED TABLE by_mood_${at} PARTITION OF by_mood FOR VALUES WITH (MODULUS 16, REMAINDER ${at});`,
  );
  const databases = await makeDatabases(
    await apachePair(),
    'unlogged_partitions',
    `CREATE TYPE filling AS ENUM ('x');
CREATE TYPE mood AS ENUM ('good', 'bad', 'odd');
CREATE TABLE by_mood (mood mood) PARTITION BY HASH (mood);
${partitions.join('')}
INSERT INTO by_mood VALUES ('good'), ('bad'), ('odd');`,
  );
  const outcome = await migrate({ ...databases, jobs: 2 });
  expect(outcome.resumed).toEqual([]);
  expect(await queryValue(databases.target, 'SELECT count(*) FROM by_mood')).toBe('3');
});
