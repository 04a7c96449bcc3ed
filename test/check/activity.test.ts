import pg from 'pg';
import { expect, onTestFinished, test, vi } from 'vitest';
import { makeDatabases } from '../integration/databases.js';
import { query, queryValue, runScript } from '../integration/sql.js';
import { expectFinding, expectFires, expectSilence, expectSilent, findingsOf } from './findings.js';
import { checkPair } from './pair.js';

test('active-writers names the sessions that have written and not committed, and no others', async () => {
  const databases = await makeDatabases(await checkPair(), 'check_writers', 'CREATE TABLE entry (n int);');
  const reader = await connect(databases.source, 'reader');
  await reader.query('BEGIN');
  await reader.query('SELECT * FROM entry');
  await expectSilent(databases, 'active-writers');

  const writer = await connect(databases.source, 'the application');
  await writer.query('BEGIN');
  await writer.query('INSERT INTO entry VALUES (1)');
  const { rows } = await writer.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  await expectFires(databases, {
    id: 'active-writers',
    severity: 'warning',
    objects: [`process ${rows[0]?.pid} (postgres, the application)`],
  });
  await writer.query('COMMIT');
  await expectSilent(databases, 'active-writers');
});

test('long-transactions names a transaction that is open for more than five minutes', async () => {
  const databases = await makeDatabases(await checkPair(), 'check_long', 'CREATE TABLE entry (n int);');
  const client = await connect(databases.source, 'somebody');
  await client.query('BEGIN');
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  await expectSilent(databases, 'long-transactions');

  // Nobody waits five minutes: in this database it is now six minutes later.
  await runScript(
    databases.programs,
    databases.source,
    `SET allow_system_table_mods = on;
     ALTER FUNCTION pg_catalog.now() RENAME TO real_now;
     CREATE FUNCTION pg_catalog.now() RETURNS timestamptz LANGUAGE sql STABLE AS
       $$ SELECT pg_catalog.real_now() + interval '6 minutes' $$;`,
  );
  const finding = await expectFires(databases, { id: 'long-transactions', severity: 'warning' });
  expect(finding.objects).toEqual([
    expect.stringMatching(`^process ${rows[0]?.pid} \\(postgres, since 20\\d\\d-`),
  ]);
  await client.query('ROLLBACK');
  await expectSilent(databases, 'long-transactions');
});

test('prepared-transactions names those of this database, until they are ended', async () => {
  const pair = await checkPair();
  const databases = await makeDatabases(pair, 'check_prepared', 'CREATE TABLE entry (n int);');
  const prepare = (name: string) => `BEGIN; INSERT INTO entry VALUES (1); PREPARE TRANSACTION ${name};`;
  const neighbour = await makeDatabases(pair, 'check_unprepared', 'CREATE TABLE entry (n int);');
  await runScript(neighbour.programs, neighbour.source, prepare(`'of the neighbour'`));
  await expectSilent(databases, 'prepared-transactions');

  await runScript(databases.programs, databases.source, prepare(`'it''s half done'`));
  const findings = await findingsOf(databases);
  const finding = expectFinding(findings, { id: 'prepared-transactions', severity: 'warning' });
  expect(finding.objects).toEqual([expect.stringMatching(/^'it''s half done' \(postgres, since 20\d\d-/)]);
  // It is no session, so that nothing else sees it.
  expectSilence(findings, 'active-writers');

  const [commit = ''] = finding.mend.split(' or ');
  await query(databases.source, commit.replace("'…'", `'it''s half done'`));
  await expectSilent(databases, 'prepared-transactions');
  await query(neighbour.source, `ROLLBACK PREPARED 'of the neighbour'`);
});

test('logical-slots names the slots of this database, and neither physical ones nor those of others', async () => {
  const pair = await checkPair();
  const databases = await makeDatabases(pair, 'check_slots', '');
  const neighbour = await makeDatabases(pair, 'check_other_slots', '');
  const logical = (name: string) => `SELECT pg_create_logical_replication_slot('${name}', 'pgoutput')`;
  await query(neighbour.source, logical('check_neighbour'));
  await query(databases.source, `SELECT pg_create_physical_replication_slot('check_physical')`);
  onTestFinished(async () => {
    await query(pair.source.url, `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots`);
  });
  await expectSilent(databases, 'logical-slots');

  await query(databases.source, logical('check_here'));
  await expectFires(databases, { id: 'logical-slots', severity: 'note', objects: ['check_here'] });
});

test('a lock that a reading of the source waits for is told with its holder, a prepared transaction too', async () => {
  const databases = await makeDatabases(
    await checkPair(),
    'check_waiting',
    `CREATE TABLE altered (n int); CREATE TABLE prepared (n int);
     BEGIN; ALTER TABLE prepared ADD m int; PREPARE TRANSACTION 'half done';`,
  );
  const holder = await connect(databases.source, 'a deployment');
  await holder.query('BEGIN; ALTER TABLE altered ADD m int');
  const { rows } = await holder.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');

  // Nobody waits ten seconds.
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const notices: string[] = [];
  const checking = findingsOf(databases, {
    onEvent: (event) => void (event.type === 'notice' && notices.push(event.message)),
  });
  const looksAt = async (table: string) => {
    const waiting = `SELECT count(*) FROM pg_locks WHERE relation = '${table}'::regclass AND NOT granted`;
    await expect.poll(() => queryValue(databases.source, waiting)).toBe('1');
    vi.advanceTimersByTime(10_000);
  };
  const waitsFor = 'waiting for a lock on the source that';
  await looksAt('altered');
  await expect
    .poll(() => notices)
    .toEqual([
      expect.stringMatching(
        `^${waitsFor} process ${rows[0]?.pid} \\(postgres, a deployment, since 20.* holds`,
      ),
    ]);
  await holder.query('ROLLBACK');
  await looksAt('prepared');
  await expect
    .poll(() => notices.slice(1))
    .toEqual([
      expect.stringMatching(`^${waitsFor} prepared transaction 'half done' \\(postgres, since 20.* holds`),
    ]);
  await query(databases.source, `ROLLBACK PREPARED 'half done'`);
  await checking;
});

/** A session that ends with the test. */
async function connect(url: string, name: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, application_name: name });
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}
