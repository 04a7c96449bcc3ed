import { describe, expect, test } from 'vitest';
import { makeDatabases } from '../integration/databases.js';
import { apachePair, communityPair, hasCommunity, startExtraServer } from '../integration/servers.js';
import { query, runScript } from '../integration/sql.js';
import { expectFinding, expectFires, expectSilence, expectSilent, findingsOf } from './findings.js';
import { altered } from './pair.js';

/** Roles and their settings are the server's: what is said of them all can be told on servers of its own alone. */
async function rolesPair() {
  const settings = { max_worker_processes: '16', 'timescaledb.max_background_workers': '0' };
  const [source, target] = await Promise.all([
    startExtraServer('check-roles-source', { settings }),
    startExtraServer('check-roles-target', { settings }),
  ]);
  return { source, target };
}

test('servers without roles of the user’s say nothing of roles, and nothing of settings', async () => {
  const databases = await makeDatabases(await rolesPair(), 'check_no_roles', 'CREATE EXTENSION timescaledb');
  const findings = await findingsOf(databases);
  for (const id of ['roles-missing', 'role-attributes', 'role-passwords', 'job-owners', 'settings'])
    expectSilence(findings, id);
});

test('roles-missing and role-passwords name what the target lacks, and go when the target has it', async () => {
  const databases = await makeDatabases(
    await rolesPair(),
    'check_roles',
    `CREATE ROLE "check ""one"; CREATE ROLE check_two LOGIN PASSWORD 'two'; CREATE ROLE check_three LOGIN;`,
  );
  const findings = await findingsOf(databases);
  expectFinding(findings, {
    id: 'roles-missing',
    severity: 'note',
    objects: ['check "one', 'check_two', 'check_three'],
  });
  // The third has no password.
  const { mend } = expectFinding(findings, {
    id: 'role-passwords',
    severity: 'note',
    objects: ['check_two'],
  });
  expect(mend).toContain('--role-passwords');
  expectSilence(findings, 'role-attributes');
  await expectSilent(databases, 'role-passwords', { rolePasswords: true });

  await runScript(databases.programs, databases.target, 'CREATE ROLE "check ""one"; CREATE ROLE check_three');
  await expectFires(databases, { id: 'roles-missing', severity: 'note', objects: ['check_two'] });
  await runScript(databases.programs, databases.target, 'CREATE ROLE check_two LOGIN');
  await expectSilent(databases, 'roles-missing');
  await expectSilent(databases, 'role-passwords');
  await runScript(
    databases.programs,
    databases.source,
    'DROP ROLE "check ""one"; DROP ROLE check_two, check_three',
  );
});

test('role-passwords-unreadable stops --role-passwords for a role that may not read them', async () => {
  const databases = await makeDatabases(
    await rolesPair(),
    'check_unreadable_passwords',
    'CREATE ROLE check_password_reader LOGIN',
  );
  const asReader = {
    ...databases,
    source: altered(databases.source, { username: 'check_password_reader' }),
  };
  const expected = { id: 'role-passwords-unreadable', severity: 'blocker' } as const;
  await expectFires(asReader, expected, { rolePasswords: true });
  await expectSilent(asReader, expected.id);
  await expectSilent(databases, expected.id, { rolePasswords: true });
  await query(databases.source, 'DROP ROLE check_password_reader');
});

test('role-attributes names the roles that a target without superuser makes smaller', async () => {
  const databases = await makeDatabases(
    await rolesPair(),
    'check_attributes',
    `CREATE ROLE check_super SUPERUSER; CREATE ROLE check_bypass BYPASSRLS; CREATE ROLE check_replication REPLICATION;
     CREATE ROLE check_plain CREATEROLE CREATEDB LOGIN; CREATE ROLE check_known SUPERUSER;`,
  );
  await runScript(
    databases.programs,
    databases.target,
    `CREATE ROLE check_owner LOGIN; CREATE ROLE check_known; ALTER DATABASE check_attributes OWNER TO check_owner;`,
  );
  const asOwner = { ...databases, target: altered(databases.target, { username: 'check_owner' }) };
  await expectFires(asOwner, {
    id: 'role-attributes',
    severity: 'warning',
    objects: ['check_super', 'check_bypass', 'check_replication'],
  });
  // Connected as a superuser, as its mend says.
  await expectSilent(databases, 'role-attributes');
  await runScript(
    databases.programs,
    databases.source,
    'DROP ROLE check_super, check_bypass, check_replication, check_plain, check_known',
  );
});

test('settings names parameters of the database, of a role, and of a role in the database', async () => {
  const pair = await rolesPair();
  const databases = await makeDatabases(pair, 'check_settings', '');
  const neighbour = await makeDatabases(pair, 'check_other_settings', '');
  await query(neighbour.source, `ALTER DATABASE check_other_settings SET work_mem = '9MB'`);
  // Restore mode is such a setting as well, and none of the user's.
  await query(databases.source, 'CREATE EXTENSION timescaledb');
  await query(databases.source, 'SELECT timescaledb_pre_restore()');
  await expectSilent(databases, 'settings');
  await query(databases.source, 'SELECT timescaledb_post_restore()');

  await runScript(
    databases.programs,
    databases.source,
    `ALTER DATABASE check_settings SET search_path = "a b", public;
     CREATE ROLE check_set; ALTER ROLE check_set SET work_mem = '5MB';
     ALTER ROLE check_set IN DATABASE check_settings SET check_set.me = 'a=b';`,
  );
  await expectFires(databases, {
    id: 'settings',
    severity: 'note',
    objects: [
      'search_path in the database',
      'work_mem of role check_set',
      'check_set.me of role check_set in the database',
    ],
  });
  await runScript(
    databases.programs,
    databases.source,
    'ALTER DATABASE check_settings RESET ALL; ALTER ROLE check_set IN DATABASE check_settings RESET ALL; DROP ROLE check_set;',
  );
  await expectSilent(databases, 'settings');
});

describe.skipIf(!hasCommunity)('owners of jobs, community edition', () => {
  test('job-owners names the owners that a target without superuser may refuse', async () => {
    const databases = await makeDatabases(
      await communityPair(),
      'check_job_owners',
      `CREATE EXTENSION timescaledb; CREATE ROLE "check job;owner" LOGIN; CREATE ROLE "check job;target" LOGIN;
       CREATE PROCEDURE nothing(job_id int, config jsonb) LANGUAGE plpgsql AS 'BEGIN END';
       SET ROLE "check job;target";
       SELECT add_job('nothing', '1 day', initial_start => '2100-01-01 00:00+00');`,
    );
    await query(databases.target, 'CREATE ROLE "check job;target" LOGIN');
    await query(databases.target, 'ALTER DATABASE check_job_owners OWNER TO "check job;target"');
    const asOwner = { ...databases, target: altered(databases.target, { username: 'check job;target' }) };
    await expectSilent(asOwner, 'job-owners');

    await runScript(
      databases.programs,
      databases.source,
      `SET ROLE "check job;owner"; SELECT add_job('nothing', '1 day', initial_start => '2100-01-01 00:00+00');`,
    );
    const objects = ['check job;owner'];
    const { mend } = await expectFires(asOwner, { id: 'job-owners', severity: 'warning', objects });
    expect(mend).toContain('--role-map');
    await expectSilent(databases, 'job-owners');
  });
});

test('role-map names roles that are on neither side, before anything is copied', async () => {
  const databases = await makeDatabases(await rolesPair(), 'check_role_map', 'CREATE ROLE check_mapped');
  const roleMap = { check_mapped: 'check_nosuch', check_foo: 'postgres' };
  const findings = await findingsOf(databases, { roleMap });
  expectFinding(findings, { id: 'role-map-target', severity: 'blocker', objects: ['check_nosuch'] });
  expectFinding(findings, { id: 'role-map-source', severity: 'blocker', objects: ['check_foo'] });
  // One of the source comes along.
  const known = await findingsOf(databases, {
    roleMap: { postgres: 'check_mapped', check_mapped: 'postgres' },
  });
  for (const id of ['role-map-target', 'role-map-source']) expectSilence(known, id);
  await runScript(databases.programs, databases.source, 'DROP ROLE check_mapped');
});

test('a plain PostgreSQL source has no owners of jobs', async () => {
  const databases = await makeDatabases(await apachePair(), 'check_plain_owners', '');
  await query(databases.target, 'CREATE ROLE check_plain_target LOGIN');
  await query(databases.target, 'ALTER DATABASE check_plain_owners OWNER TO check_plain_target');
  const target = altered(databases.target, { username: 'check_plain_target' });
  await expectSilent({ ...databases, target }, 'job-owners');
});
