import { expect, test } from 'vitest';
import { HyperferryError, migrate } from '../../src/index.js';
import { makeDatabases } from '../integration/databases.js';
import { query, runScript } from '../integration/sql.js';
import { expectFires, expectSilent } from './findings.js';
import { checkPair } from './pair.js';

const IDS = ['target-not-empty', 'target-half-done', 'target-restoring'] as const;

test('an empty target is no matter, with TimescaleDB or without', async () => {
  const databases = await makeDatabases(await checkPair(), 'check_empty', '');
  for (const id of IDS) await expectSilent(databases, id);
  await query(databases.target, 'CREATE EXTENSION timescaledb');
  for (const id of IDS) await expectSilent(databases, id);
});

test('target-not-empty names whatever is in the target, until it is to be cleaned', async () => {
  const databases = await makeDatabases(await checkPair(), 'check_full', '');
  await runScript(
    databases.programs,
    databases.target,
    `CREATE TABLE "le;ft" (n int); CREATE SCHEMA apart; CREATE TYPE mood AS ENUM ('good');
     CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'; SELECT lo_create(4711); CREATE PUBLICATION news;
     CREATE LANGUAGE tongue HANDLER plpgsql_call_handler; CREATE ACCESS METHOD pile TYPE TABLE HANDLER heap_tableam_handler;`,
  );
  await expectFires(databases, {
    id: 'target-not-empty',
    severity: 'blocker',
    objects: [
      'access method pile',
      'function public.one()',
      'language tongue',
      'large object 4711',
      'publication news',
      'schema apart',
      'table public."le;ft"',
      'type public.mood',
    ],
  });
  await expectSilent(databases, 'target-not-empty', { cleanTarget: true });
});

test('target-default-privileges names those that would act on the run, and its mend makes it silent', async () => {
  const id = 'target-default-privileges';
  const databases = await makeDatabases(
    await checkPair(),
    'check_default_privileges',
    'CREATE TABLE entry AS SELECT 1 AS n; CREATE FUNCTION one() RETURNS int LANGUAGE sql RETURN 1;',
  );
  await query(databases.target, 'CREATE ROLE "oth;er"');
  await query(
    databases.target,
    'ALTER DEFAULT PRIVILEGES FOR ROLE "oth;er" GRANT SELECT ON TABLES TO PUBLIC',
  );
  await expectSilent(databases, id);
  await runScript(
    databases.programs,
    databases.target,
    `ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO "oth;er" WITH GRANT OPTION;
     ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
     ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO PUBLIC;`,
  );
  const { mend } = await expectFires(databases, {
    id,
    severity: 'blocker',
    objects: ['tables', 'functions', 'sequences in public'],
  });
  await expectSilent(databases, id, { cleanTarget: true });
  await expectSilent(databases, id, { privileges: false });
  await query(databases.target, mend.slice(0, mend.lastIndexOf(';')));
  await expectSilent(databases, id);
  expect(await migrate({ ...databases, jobs: 1 })).toMatchObject({ verification: { equal: true } });
});

test('target-half-done tells of the run that left the target so, until it is to be cleaned', async () => {
  const databases = await makeDatabases(
    await checkPair(),
    'check_half_done',
    'CREATE EXTENSION timescaledb; CREATE TABLE entry AS SELECT 1 AS n;',
  );
  const stop = new AbortController();
  const failed = migrate({
    ...databases,
    jobs: 1,
    signal: stop.signal,
    onEvent: (event) => {
      if (event.type === 'rows-planned') stop.abort();
    },
  });
  await expect(failed).rejects.toThrow(HyperferryError);
  const { mend } = await expectFires(databases, {
    id: 'target-half-done',
    severity: 'blocker',
    says: /from .*check_half_done, begun .*“rows and indexes”/,
  });
  expect(mend).toContain('--clean-target');
  await expectSilent(databases, 'target-not-empty');
  await expectSilent(databases, 'target-half-done', { cleanTarget: true });
  await migrate({ ...databases, jobs: 1, cleanTarget: true });
  await expectSilent(databases, 'target-half-done');
});

test('target-restoring says that restore mode is on, and its mend helps', async () => {
  const databases = await makeDatabases(await checkPair(), 'check_restoring', '');
  await query(databases.target, 'CREATE EXTENSION timescaledb');
  await query(databases.target, 'SELECT timescaledb_pre_restore()');
  const { mend } = await expectFires(databases, { id: 'target-restoring', severity: 'blocker' });
  await query(databases.target, mend.split(';')[0] ?? '');
  await expectSilent(databases, 'target-restoring');
});
