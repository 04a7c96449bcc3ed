import { expect, test } from 'vitest';
import { makeDatabases } from '../integration/databases.js';
import { runScript } from '../integration/sql.js';
import { expectFires, expectSilent } from './findings.js';
import { altered, checkPair } from './pair.js';

const IDS = [
  'source-unreadable',
  'large-objects-unreadable',
  'hidden-rows',
  'target-create',
  'target-clean',
  'target-restore-mode',
] as const;

test('a superuser may do all that is asked', async () => {
  const databases = await makeDatabases(
    await checkPair(),
    'check_may_all',
    `CREATE TABLE guarded (n int); ALTER TABLE guarded ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
     SELECT lo_from_bytea(4711, 'one');`,
  );
  for (const id of IDS) await expectSilent(databases, id, { cleanTarget: true });
});

test('source-unreadable names tables, sequences and what is in a closed schema, and its mend helps', async () => {
  const role = 'check "reader';
  const databases = await makeDatabases(
    await checkPair(),
    'check_unreadable',
    `CREATE EXTENSION timescaledb;
     CREATE ROLE "check ""reader" LOGIN;
     CREATE TABLE open (n int); GRANT SELECT ON open TO PUBLIC;
     CREATE SCHEMA shut; CREATE TABLE shut.within (n int); GRANT SELECT ON shut.within TO PUBLIC;
     CREATE TABLE "clo;sed" (n int); CREATE SEQUENCE counter;
     CREATE TABLE parted (n int) PARTITION BY LIST (n);
     CREATE TABLE part PARTITION OF parted DEFAULT; GRANT SELECT ON part TO PUBLIC;
     CREATE VIEW looking AS SELECT 1;
     CREATE TABLE reading (at timestamptz NOT NULL); SELECT create_hypertable('reading', 'at');
     INSERT INTO reading VALUES ('2026-01-01'); GRANT SELECT ON reading TO PUBLIC;`,
  );
  const asReader = { ...databases, source: altered(databases.source, { username: role }) };
  const { mend, code } = await expectFires(asReader, {
    id: 'source-unreadable',
    severity: 'blocker',
    // pg_dump locks a partitioned table as well, and needs the right to read it for that.
    objects: ['public."clo;sed"', 'public.counter', 'public.parted', 'shut.within'],
    says: role,
  });
  expect(code).toBe('PRIVILEGE');
  await runScript(databases.programs, databases.source, `${mend.split(';')[0]};`);
  await expectSilent(asReader, 'source-unreadable');
});

test('hidden-rows names the tables whose policies apply to the role, and its mend helps', async () => {
  const databases = await makeDatabases(
    await checkPair(),
    'check_hidden',
    `CREATE ROLE check_hidden_reader LOGIN IN ROLE pg_read_all_data;
     CREATE TABLE guarded (n int); ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
     CREATE TABLE own (n int); ALTER TABLE own OWNER TO check_hidden_reader; ALTER TABLE own ENABLE ROW LEVEL SECURITY;
     CREATE TABLE forced (n int); ALTER TABLE forced OWNER TO check_hidden_reader;
     ALTER TABLE forced ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;`,
  );
  const asReader = { ...databases, source: altered(databases.source, { username: 'check_hidden_reader' }) };
  const { mend } = await expectFires(asReader, {
    id: 'hidden-rows',
    severity: 'blocker',
    objects: ['public.guarded', 'public.forced'],
  });
  await runScript(databases.programs, databases.source, `${mend.split(';')[0]};`);
  await expectSilent(asReader, 'hidden-rows');
});

test('target-create says that the role may make nothing, and its mend helps', async () => {
  const databases = await makeDatabases(await checkPair(), 'check "create', '');
  await runScript(databases.programs, databases.target, 'CREATE ROLE "check ""creator" LOGIN');
  const asCreator = { ...databases, target: altered(databases.target, { username: 'check "creator' }) };
  const { mend } = await expectFires(asCreator, {
    id: 'target-create',
    severity: 'blocker',
    says: 'check "creator',
  });
  await runScript(databases.programs, databases.target, `${mend.split(';')[0]};`);
  await expectSilent(asCreator, 'target-create');
});

test('target-restore-mode says that the role cannot bring hypertables, and is silent without TimescaleDB', async () => {
  const role = 'check_owner';
  const pair = await checkPair();
  const make = async (name: string, script: string) => {
    const databases = await makeDatabases(pair, name, script);
    const own = `ALTER DATABASE ${name} OWNER TO ${role}`;
    await runScript(databases.programs, databases.target, own);
    return { ...databases, target: altered(databases.target, { username: role }) };
  };
  await runScript(pair.target.binFolder, pair.target.url, `CREATE ROLE ${role} LOGIN`);
  await expectSilent(await make('check_restore_plain', ''), 'target-restore-mode');
  const { code } = await expectFires(await make('check_restore_mode', 'CREATE EXTENSION timescaledb'), {
    id: 'target-restore-mode',
    severity: 'blocker',
    says: role,
  });
  expect(code).toBe('PRIVILEGE');
});

test('large-objects-unreadable names those that the role may not read, and its mend helps', async () => {
  const role = 'check_object_reader';
  const databases = await makeDatabases(
    await checkPair(),
    'check_objects',
    `CREATE ROLE ${role} LOGIN IN ROLE pg_read_all_data;
     SELECT lo_from_bytea(4711, 'own'), lo_from_bytea(4712, 'of all'), lo_from_bytea(4713, 'closed'), lo_from_bytea(4714, 'written');
     ALTER LARGE OBJECT 4711 OWNER TO ${role}; GRANT SELECT ON LARGE OBJECT 4712 TO PUBLIC;
     GRANT UPDATE ON LARGE OBJECT 4714 TO ${role};`,
  );
  const asReader = { ...databases, source: altered(databases.source, { username: role }) };
  const { mend } = await expectFires(asReader, {
    id: 'large-objects-unreadable',
    severity: 'blocker',
    objects: ['4713', '4714'],
  });
  await runScript(databases.programs, databases.source, `${mend.split(';')[0]};`);
  await expectSilent(asReader, 'large-objects-unreadable');
});

test('target-clean names what the role may not drop, and only when it is to be dropped', async () => {
  const role = 'check_cleaner';
  const databases = await makeDatabases(await checkPair(), 'check_clean', '');
  await runScript(
    databases.programs,
    databases.target,
    `CREATE ROLE ${role} LOGIN; ALTER DATABASE check_clean OWNER TO ${role}; CREATE EXTENSION timescaledb;
     CREATE TABLE own (n int); ALTER TABLE own OWNER TO ${role};
     CREATE TABLE "the;irs" (n int); CREATE SCHEMA theirs; CREATE VIEW theirs.look AS SELECT 1;
     -- An extension's members of another catalog may have the same OIDs.
     INSERT INTO pg_depend SELECT 'pg_cast'::regclass, o.oid, 0, 'pg_extension'::regclass, e.oid, 0, 'e'
     FROM pg_extension e, unnest(ARRAY['"the;irs"'::regclass::oid, 'theirs'::regnamespace]) AS o (oid)
     WHERE extname = 'timescaledb';`,
  );
  const asCleaner = { ...databases, target: altered(databases.target, { username: role }) };
  await expectSilent(asCleaner, 'target-clean');
  const options = { cleanTarget: true };
  await expectFires(
    asCleaner,
    {
      id: 'target-clean',
      severity: 'blocker',
      objects: ['public."the;irs"', 'schema theirs', 'theirs.look'],
    },
    options,
  );
  await runScript(databases.programs, databases.target, 'DROP TABLE "the;irs"; DROP SCHEMA theirs CASCADE;');
  await expectSilent(asCleaner, 'target-clean', options);
});
