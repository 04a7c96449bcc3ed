import { describe, expect, test } from 'vitest';
import { clientBinFolder } from '../../sandbox/index.js';
import type { Checked } from '../../src/check/finding.js';
import { timescaleVersion } from '../../src/check/timescale-version.js';
import { startServerWithoutTimescale } from '../bad-input/server-without-timescale.js';
import { type Databases, makeDatabases } from '../integration/databases.js';
import { communityPair, hasCommunity, startExtraServer } from '../integration/servers.js';
import { query, queryValue } from '../integration/sql.js';
import {
  expectFinding,
  expectFires,
  expectSilence,
  expectSilent,
  findingsOf,
  findingsOfCheck,
} from './findings.js';
import { checkPair } from './pair.js';

const EXTENSION = 'CREATE EXTENSION timescaledb';

test('the same version in the same schema is no matter, and nor is a source without TimescaleDB', async () => {
  const pair = await checkPair();
  const same = await makeDatabases(pair, 'check_version', EXTENSION);
  await query(same.target, EXTENSION);
  const plain = await makeDatabases(pair, 'check_version_plain', '');
  for (const databases of [same, plain]) {
    const findings = await findingsOf(databases);
    expect(findings.filter(({ id }) => id.startsWith('timescale-'))).toEqual([]);
  }
});

test('timescale-version-matched says that an empty target gets the source’s version', async () => {
  const databases = await makeDatabases(await checkPair(), 'check_version_matched', EXTENSION);
  const version = await queryValue(
    databases.source,
    `SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'`,
  );
  const expected = { id: 'timescale-version-matched', severity: 'note', says: version ?? '' } as const;
  await expectFires(databases, expected);
  await query(databases.target, EXTENSION);
  await expectSilent(databases, 'timescale-version-matched');
});

test('timescale-schema says that the extension is in another schema', async () => {
  const databases = await makeDatabases(
    await checkPair(),
    'check_schema',
    `CREATE SCHEMA "a part"; ${EXTENSION} SCHEMA "a part"`,
  );
  await expectSilent(databases, 'timescale-schema');
  await query(databases.target, EXTENSION);
  const expected = { id: 'timescale-schema', severity: 'note', objects: ['a part', 'public'] } as const;
  await expectFires(databases, expected);
});

test('timescale-missing stops at a server that has no TimescaleDB', async () => {
  const { source } = await checkPair();
  const target = await startServerWithoutTimescale();
  const databases = await makeDatabases({ source, target }, 'check_missing', EXTENSION);
  const findings = await findingsOf(databases);
  expectFinding(findings, { id: 'timescale-missing', severity: 'blocker' });
  expectSilence(findings, 'timescale-not-preloaded');
  const plain = await makeDatabases({ source, target }, 'check_missing_plain', '');
  await expectSilent(plain, 'timescale-missing');
});

test('timescale-not-preloaded stops at a server that does not load it, and its mend helps', async () => {
  const { source } = await checkPair();
  const target = await startExtraServer('check-not-preloaded', {
    settings: { shared_preload_libraries: '' },
  });
  const databases = await makeDatabases({ source, target }, 'check_not_preloaded', EXTENSION);
  const findings = await findingsOf(databases);
  const { mend } = expectFinding(findings, { id: 'timescale-not-preloaded', severity: 'blocker' });
  expectSilence(findings, 'timescale-missing');
  await query(databases.target, /ALTER SYSTEM [^;]+/.exec(mend)?.[0] ?? '');
  await target.restart();
  await expectSilent(databases, 'timescale-not-preloaded');
});

test('timescale-version stops where no version is common to both servers', async () => {
  const { source } = await checkPair();
  const settings = { 'timescaledb.max_background_workers': '0' };
  const target = await startExtraServer('check-postgres-18', { postgres: 18, settings });
  const databases = await makeDatabases({ source, target }, 'check_no_common', EXTENSION);
  const findings = await findingsOf({ ...databases, programs: await clientBinFolder(18) });
  expectFinding(findings, {
    id: 'timescale-version',
    severity: 'blocker',
    says: /the target server has 2\.\d+\.\d+.*; the source server has 2\.\d+/,
  });
  expectSilence(findings, 'timescale-version-source-update');
});

describe.skipIf(!hasCommunity)('two versions on one server, community edition', () => {
  test('timescale-version-source-update says to which version of both the source can be updated', async () => {
    const databases = await makeDatabases(
      await communityPair(),
      'check_source_update',
      `${EXTENSION} VERSION '2.19.3'`,
    );
    const targetHas = (version: string) => (checked: Checked) =>
      changeTarget(checked, { availableVersions: new Map([['timescaledb', [version]]]) });
    const newer = await findingsOfCheck(timescaleVersion, databases, targetHas('2.29.2'));
    const { mend } = expectFinding(newer, {
      id: 'timescale-version-source-update',
      severity: 'blocker',
      objects: ['2.29.2'],
    });
    expectSilence(newer, 'timescale-version');
    const asked = await findingsOfCheck(timescaleVersion, databases, (checked) =>
      targetHas('2.29.2')({ ...checked, options: { ...checked.options, updateSource: true } }),
    );
    expectFinding(asked, { id: 'timescale-version-source-update', severity: 'note' });
    const older = await findingsOfCheck(timescaleVersion, databases, targetHas('2.18.0'));
    expectSilence(older, 'timescale-version-source-update');
    expectFinding(older, { id: 'timescale-version', severity: 'blocker', objects: ['2.18.0'] });

    await query(databases.source, /ALTER EXTENSION [^;]+/.exec(mend)?.[0] ?? '');
    const updated = await findingsOfCheck(timescaleVersion, databases, targetHas('2.29.2'));
    expect(updated.map(({ id }) => id)).toEqual(['timescale-version-matched']);
  });
});

test('update-target-after refuses a version that the target server has not', async () => {
  const databases = await makeDatabases(await checkPair(), 'check_after', EXTENSION);
  const version = await queryValue(
    databases.source,
    `SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'`,
  );
  const id = 'update-target-after';
  await expectSilent(databases, id);
  for (const updateTargetAfter of [true as const, version ?? ''])
    await expectSilent(databases, id, { updateTargetAfter });
  const expected = { id, severity: 'blocker', says: /2\.99\.0 came; it can update to 2\.\d+/ } as const;
  await expectFires(databases, expected, { updateTargetAfter: '2.99.0' });
});

test('timescale-service-minimum holds for the service’s own role and hosts, by PostgreSQL’s version', async () => {
  const databases = await makeDatabases(await checkPair(), 'check_service', EXTENSION);
  const isFound = async (change: Parameters<typeof service>[1]): Promise<boolean> => {
    const findings = await findingsOfCheck(timescaleVersion, databases, (checked) =>
      service(checked, change),
    );
    const found = findings.filter(({ id }) => id === 'timescale-service-minimum');
    for (const finding of found) {
      expectFinding([finding], {
        id: 'timescale-service-minimum',
        severity: 'blocker',
        says: change.version,
      });
      expect(finding.mend).toMatch(/UPDATE TO '2\.9\.0'/);
    }
    return found.length > 0;
  };
  expect(await isFound({ version: '2.8.1', major: 15, role: 'tsdbadmin' })).toBe(true);
  expect(await isFound({ version: '2.8.1', major: 15, host: 'x.y.tsdb.cloud.timescale.com' })).toBe(true);
  expect(await isFound({ version: '2.8.1', major: 15 }), 'any other server').toBe(false);
  expect(await isFound({ version: '2.9.0', major: 15, role: 'tsdbadmin' })).toBe(false);
  expect(await isFound({ version: '2.10.0', major: 15, role: 'tsdbadmin' })).toBe(false);
  expect(await isFound({ version: '2.8.1', major: 14, role: 'tsdbadmin' })).toBe(false);
  await expectSilentAsTsdbadmin(databases);
});

/** A role of the service's name on a server of today. */
async function expectSilentAsTsdbadmin(databases: Databases): Promise<void> {
  await query(databases.target, 'CREATE ROLE tsdbadmin LOGIN SUPERUSER');
  const target = Object.assign(new URL(databases.target), { username: 'tsdbadmin' }).href;
  await expectSilent({ ...databases, target }, 'timescale-service-minimum');
}

interface Service {
  readonly version: string;
  readonly major: number;
  readonly role?: string;
  readonly host?: string;
}

function service(checked: Checked, { version, major, role, host }: Service): Checked {
  const { source, target } = checked;
  const { timescale } = source.inventory;
  if (!timescale) throw new Error('expected a source with TimescaleDB');
  const server = { ...target.inventory.server, major, ...(role ? { role } : {}) };
  const connection = host ? { ...target.connection, hosts: [{ host, port: 5432 }] } : target.connection;
  return {
    ...changeTarget(checked, { server }, connection),
    source: { ...source, inventory: { ...source.inventory, timescale: { ...timescale, version } } },
  };
}

function changeTarget(
  checked: Checked,
  inventory: Partial<Checked['target']['inventory']>,
  connection = checked.target.connection,
): Checked {
  const { target } = checked;
  return { ...checked, target: { ...target, connection, inventory: { ...target.inventory, ...inventory } } };
}
