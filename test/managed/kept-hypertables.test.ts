import { expect, test } from 'vitest';
import { migrate } from '../../src/index.js';
import { makeDatabases } from '../integration/databases.js';
import { query, queryValue } from '../integration/sql.js';
import { forgetSource } from './facts.js';
import { makeManagedTarget } from './managed-target.js';
import { apacheManagedPair } from './pairs.js';

test('what the owner of a hypertable built on it works, though the chunks cannot be given away', async () => {
  const pair = await apacheManagedPair();
  await forgetSource(pair.source.url, 'kept', 'kept');
  const { url, adminUrl, role } = await makeManagedTarget(pair.target);
  const databases = await makeDatabases(
    pair,
    'kept',
    `CREATE EXTENSION timescaledb;
     CREATE ROLE kept_app LOGIN; CREATE SCHEMA kept AUTHORIZATION kept_app;
     SET ROLE kept_app;
     CREATE TABLE kept.deal (at timestamptz NOT NULL, price numeric);
     SELECT public.create_hypertable('kept.deal', 'at');
     INSERT INTO kept.deal SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 day', i FROM generate_series(1, 30) AS i;
     CREATE VIEW kept.recent AS SELECT * FROM kept.deal WHERE at > '2026-01-15';
     CREATE MATERIALIZED VIEW kept.total AS SELECT sum(price) FROM kept.deal;
     CREATE FUNCTION kept.sum() RETURNS numeric LANGUAGE sql SECURITY DEFINER AS 'SELECT sum(price) FROM kept.deal';`,
  );
  const { leftOut } = await migrate({ ...databases, target: url, jobs: 2 });

  const asApp = Object.assign(new URL(url), { username: 'kept_app' }).href;
  expect(await queryValue(asApp, 'SELECT sum FROM kept.total')).toBe('465');
  expect(await queryValue(asApp, 'SELECT count(*) FROM kept.recent')).toBe('16');
  expect(await queryValue(asApp, 'SELECT kept.sum()')).toBe('465');
  await query(asApp, `INSERT INTO kept.deal VALUES ('2026-01-02', 0), ('2027-01-01', 1)`);
  await query(asApp, 'REFRESH MATERIALIZED VIEW kept.total');
  expect(await queryValue(asApp, 'SELECT sum FROM kept.total')).toBe('466');

  const owner = `SELECT relowner::regrole::text FROM pg_class WHERE oid = 'kept.deal'::regclass`;
  if ((await queryValue(adminUrl, owner)) === role) {
    expect(leftOut.map(({ object }) => object).join('\n')).toMatch(/kept\.deal.* chunks/);
  }
});
