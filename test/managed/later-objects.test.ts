import { expect, test } from 'vitest';
import { migrate, status } from '../../src/index.js';
import { makeDatabases } from '../integration/databases.js';
import { queryValue } from '../integration/sql.js';
import { makeManagedTarget } from './managed-target.js';
import { apacheManagedPair } from './pairs.js';

test('what is made when restore mode has ended is not missed before, whatever its name', async () => {
  const pair = await apacheManagedPair();
  const { url } = await makeManagedTarget(pair.target);
  const databases = await makeDatabases(
    pair,
    'later',
    `CREATE EXTENSION timescaledb;
     CREATE SCHEMA later;
     CREATE TABLE later.deal (at timestamptz PRIMARY KEY, price numeric);
     SELECT create_hypertable('later.deal', 'at');
     INSERT INTO later.deal SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 day', i FROM generate_series(1, 30) AS i;
     CREATE TABLE later.note (at timestamptz CONSTRAINT "of a ""Deal""" REFERENCES later.deal, text text);
     INSERT INTO later.note SELECT at, 'x' FROM later.deal WHERE at < '2026-01-06';
     CREATE MATERIALIZED VIEW later."To ""tal""" AS SELECT sum(price) FROM later.deal;`,
  );
  const { verification, leftOut } = await migrate({ ...databases, target: url, jobs: 2 });
  expect(verification).toMatchObject({ equal: true });
  expect(leftOut.filter(({ object }) => object.includes('later'))).toEqual([]);
  expect(await queryValue(url, 'SELECT sum FROM later."To ""tal"""')).toBe('465');
  const keys = `SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND conname = 'of a "Deal"' AND convalidated`;
  expect(await queryValue(url, keys)).toBe('1');
});

test('the connection limit of a source that is locked comes last, and keeps the run out no earlier', async () => {
  const pair = await apacheManagedPair();
  const { url, adminUrl } = await makeManagedTarget(pair.target);
  const databases = await makeDatabases(
    pair,
    'later_limit',
    `CREATE ROLE later_limit_owner;
     CREATE EXTENSION timescaledb;
     CREATE TABLE reading (value int PRIMARY KEY);
     INSERT INTO reading VALUES (1);
     ALTER DATABASE later_limit OWNER TO later_limit_owner;
     ALTER DATABASE later_limit CONNECTION LIMIT 0;`,
  );
  const { verification, leftOut } = await migrate({ ...databases, target: url, jobs: 2 });
  expect(verification).toMatchObject({ equal: true });
  expect(leftOut.map(({ object }) => object)).not.toContain('connection limit of the database');
  const limit = 'SELECT datconnlimit::text FROM pg_database WHERE datname = current_database()';
  expect(await queryValue(adminUrl, limit)).toBe('0');
  await expect(status(url)).rejects.toMatchObject({
    code: 'CONNECT',
    hint: expect.stringMatching(/ALTER DATABASE "managed_\w+" CONNECTION LIMIT -1;/),
  });
});
