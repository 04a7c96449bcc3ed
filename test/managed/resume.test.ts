import { describe, expect, test } from 'vitest';
import { migrate, type StageName, verify } from '../../src/index.js';
import { expectError, failureOf } from '../bad-input/refusal.js';
import { type Databases, makeDatabases } from '../integration/databases.js';
import { hasCommunity } from '../integration/servers.js';
import { queryValue, runScript } from '../integration/sql.js';
import { beginOf, stopAt } from '../resume/stopped.js';
import { forgetSource } from './facts.js';
import { makeManagedTarget } from './managed-target.js';
import { apacheManagedPair, communityManagedPair } from './pairs.js';

/** Owned by a role that the connecting one has to give things to; a key to a hypertable, and a view, come last. */
const script = (role: string): string => `
CREATE EXTENSION timescaledb;
CREATE ROLE ${role} LOGIN; CREATE SCHEMA going_on AUTHORIZATION ${role};
SET ROLE ${role};
CREATE TABLE going_on.place (id int PRIMARY KEY, name text);
INSERT INTO going_on.place SELECT n, 'place ' || n FROM generate_series(1, 10) AS n;
CREATE TABLE going_on.deal (at timestamptz NOT NULL, place int REFERENCES going_on.place, price numeric, PRIMARY KEY (at, place));
SELECT public.create_hypertable('going_on.deal', 'at', chunk_time_interval => interval '1 day');
INSERT INTO going_on.deal SELECT timestamptz '2026-01-01 00:00+00' + n * interval '1 hour', n % 10 + 1, n FROM generate_series(1, 100) AS n;
CREATE MATERIALIZED VIEW going_on.total AS SELECT sum(price) FROM going_on.deal;`;

const COMPRESSED = `
ALTER TABLE going_on.deal SET (timescaledb.compress, timescaledb.compress_segmentby = 'place');
SELECT public.compress_chunk(c) FROM public.show_chunks('going_on.deal') AS c LIMIT 2;
SELECT public.add_compression_policy('going_on.deal', interval '100 years');
CREATE MATERIALIZED VIEW going_on.daily WITH (timescaledb.continuous) AS
  SELECT public.time_bucket('1 day', at) AS day, sum(price) FROM going_on.deal GROUP BY 1 WITH NO DATA;`;

const STAGES: readonly StageName[] = [
  'rows and indexes',
  'configuration',
  'owners and privileges',
  'statistics',
  'verify',
  'restore mode ends',
  'materialized views',
  'finish',
];

describe('without superuser, a run goes on where it stopped', () => {
  for (const stage of STAGES) {
    test(`it stopped at “${stage}”`, async () => {
      const databases = await makeDeals();
      await stopAt(databases, beginOf(stage));
      const { resumed, notices } = await migrate({ ...databases, jobs: 2, resume: true });
      const isAtWork = stage === 'materialized views' || stage === 'finish';
      expect(/copies and compares nothing.*stays behind/.test(notices.join('\n'))).toBe(isAtWork);
      for (const { again, takenBack } of resumed)
        expect({ again, takenBack }).toEqual({ again: [], takenBack: [] });
      expect(await queryValue(databases.target, `SELECT to_regnamespace('_hyperferry')`)).toBeNull();
      const { relations } = await verify(databases);
      expect(relations.different).toEqual([]);
      expect(await queryValue(databases.admin, 'SELECT sum FROM going_on.total')).toBe('5050');
      expect(await queryValue(databases.admin, 'SHOW timescaledb.restoring')).toBe('off');
    });
  }

  test('chunks that were made on the source meanwhile are carried while the catalog has not been copied', async () => {
    const databases = await makeDeals();
    await stopAt(databases, beginOf('constraints'));
    await runScript(
      databases.programs,
      databases.source,
      `INSERT INTO going_on.deal VALUES ('2027-01-01', 1, 1)`,
    );
    await migrate({ ...databases, jobs: 2, resume: true });
    expect(await queryValue(databases.admin, 'SELECT count(*) FROM going_on.deal')).toBe('101');
  });

  test('a comment and a grant that the source has no more are taken back, also from what is another role’s', async () => {
    const databases = await makeDeals();
    const { source, programs } = databases;
    await runScript(
      programs,
      source,
      `GRANT SELECT ON going_on.place TO pg_monitor; COMMENT ON TABLE going_on.place IS 'x'`,
    );
    await stopAt(databases, beginOf('statistics'));
    await runScript(
      programs,
      source,
      `REVOKE SELECT ON going_on.place FROM pg_monitor; COMMENT ON TABLE going_on.place IS NULL`,
    );
    const { verification, resumed } = await migrate({ ...databases, jobs: 2, resume: true });
    expect(verification?.equal).toBe(true);
    expect(resumed[0]?.takenBack.toSorted()).toEqual([
      'ACL going_on.TABLE place',
      'COMMENT going_on.TABLE place',
    ]);
  });

  test('afterwards the catalog cannot be replaced: the run stops, and says to start over', async () => {
    const databases = await makeDeals();
    await stopAt(databases, beginOf('statistics'));
    await runScript(
      databases.programs,
      databases.source,
      `INSERT INTO going_on.deal VALUES ('2027-01-01', 1, 1)`,
    );
    expectError(await failureOf({ ...databases, resume: true }), {
      code: 'SOURCE_REDEFINED',
      says: ['catalog has changed', 'may not replace it'],
      advises: '--clean-target',
    });
    await migrate({ ...databases, jobs: 2, cleanTarget: true });
    expect(await queryValue(databases.admin, 'SELECT count(*) FROM going_on.deal')).toBe('101');
  });
});

test('without superuser, a run that stopped before the catalog came is started over', async () => {
  const databases = await makeDeals();
  // The tables of what is compressed and aggregated stand, and TimescaleDB knows nothing of them.
  await stopAt(databases, beginOf('constraints'));
  await migrate({ ...databases, jobs: 2, cleanTarget: true });
  expect(await queryValue(databases.admin, 'SELECT count(*) FROM going_on.deal')).toBe('100');
});

let made = 0;

async function makeDeals(): Promise<Databases & { readonly admin: string }> {
  const pair = await (hasCommunity ? communityManagedPair() : apacheManagedPair());
  // A role of the target belongs to whoever made it there.
  const name = `going_on_${++made}_`;
  await forgetSource(pair.source.url, name, name);
  const { url, adminUrl } = await makeManagedTarget(pair.target);
  const databases = await makeDatabases(pair, name, script(`${name}_app`) + (hasCommunity ? COMPRESSED : ''));
  return { ...databases, target: url, admin: adminUrl };
}
