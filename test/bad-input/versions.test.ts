import { expect, test } from 'vitest';
import { expectEqualDatabases } from '../integration/compare/databases.js';
import { makeDatabases } from '../integration/databases.js';
import { expectFaithfulMigration, migrateDatabase } from '../integration/ferry.js';
import { expectHypertableWorks } from '../integration/hypertables.js';
import {
  apachePair,
  COMMUNITY_VERSIONS,
  communityPair,
  hasCommunity,
  startExtraServer,
} from '../integration/servers.js';
import { queryValue, withClient } from '../integration/sql.js';
import { altered, makeReadings } from './readings.js';
import { expectRefusal } from './refusal.js';
import { startServerWithoutTimescale } from './server-without-timescale.js';

const community = hasCommunity ? '' : ' (skipped: no community edition)';
const [OLDER, NEWER] = COMMUNITY_VERSIONS;

test('a source without TimescaleDB is moved as plain PostgreSQL', async () => {
  const plain = `
    CREATE TABLE device (id int PRIMARY KEY, name text);
    INSERT INTO device SELECT n, 'device ' || n FROM generate_series(1, 1000) AS n;`;
  const outcome = await expectFaithfulMigration(await makeDatabases(await apachePair(), 'bad_plain', plain));
  expect(outcome).toMatchObject({ rows: 1000, hypertables: 0, chunks: 0, timescaleVersion: undefined });
});

test('a source without TimescaleDB is moved to a server without it', async () => {
  const { source } = await apachePair();
  const target = await startServerWithoutTimescale();
  const databases = await makeDatabases(
    { source, target },
    'bad_plain_both',
    'CREATE TABLE t AS SELECT 1 AS a',
  );
  expect((await expectFaithfulMigration(databases)).rows).toBe(1);
});

test('a target server that has no TimescaleDB is refused', async () => {
  const { source } = await apachePair();
  const target = await startServerWithoutTimescale();
  const databases = await makeReadings({ source, target }, 'bad_missing');
  await expectRefusal(databases, {
    code: 'UNSUITABLE',
    says: ['expected TimescaleDB 2.19.3', 'no TimescaleDB'],
    advises: 'shared_preload_libraries',
  });
});

test('a target server that has TimescaleDB and does not load it is refused', async () => {
  const { source } = await apachePair();
  const target = await startExtraServer('not-preloaded', { settings: { shared_preload_libraries: '' } });
  const databases = await makeReadings({ source, target }, 'bad_not_preloaded');
  await expectRefusal(databases, {
    code: 'UNSUITABLE',
    says: ['shared_preload_libraries'],
    advises: /ALTER SYSTEM SET shared_preload_libraries = 'timescaledb'.*restart/,
  });
});

test.skipIf(!hasCommunity)(
  `a version that the target does not have is refused, with those that it has${community}`,
  async () => {
    const { source } = await communityPair();
    const { target } = await apachePair();
    const databases = await makeDatabases(
      { source, target },
      'bad_version',
      `CREATE EXTENSION timescaledb VERSION '${NEWER}'`,
    );
    await expectRefusal(databases, {
      code: 'UNSUITABLE',
      says: [`expected TimescaleDB ${NEWER}`, /target server[^;]* has [\d., -]*\b2\.19\.3\b/],
      advises: /Install TimescaleDB|ALTER EXTENSION timescaledb UPDATE/,
    });
  },
);

test.skipIf(!hasCommunity)(
  `a newer version that template1 brought to the target gives way to the source's${community}`,
  async () => {
    const { source } = await apachePair();
    const { target } = await communityPair();
    const databases = await makeReadings({ source, target }, 'bad_template');
    await withClient(altered(databases.target, { pathname: '/postgres' }), async (client) => {
      await client.query('CREATE DATABASE bad_template_of_target TEMPLATE template0');
      await withClient(altered(databases.target, { pathname: '/bad_template_of_target' }), (template) =>
        template.query(`CREATE EXTENSION timescaledb VERSION '${NEWER}'`),
      );
      await client.query('DROP DATABASE bad_template');
      await client.query('CREATE DATABASE bad_template TEMPLATE bad_template_of_target');
    });
    const version = `SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'`;
    expect(await queryValue(databases.target, version)).toBe(NEWER);
    await migrateDatabase(databases);
    expect(await queryValue(databases.target, version)).toBe(OLDER);
    await expectEqualDatabases(databases.source, databases.target, databases.programs);
    await expectHypertableWorks(databases.target, 'reading', {
      old: `('2026-01-02', 1, 1)`,
      new: `('2027-01-02', 1, 1)`,
    });
  },
);

test.skipIf(!hasCommunity)(
  `the extension in another schema on the target gives way to the source's${community}`,
  async () => {
    const databases = await makeReadings(await communityPair(), 'bad_other_schema');
    await withClient(databases.target, async (client) => {
      await client.query('CREATE SCHEMA elsewhere');
      await client.query(`CREATE EXTENSION timescaledb SCHEMA elsewhere`);
    });
    await migrateDatabase(databases, { cleanTarget: true });
    await expectEqualDatabases(databases.source, databases.target, databases.programs);
  },
);
