import { expect, test } from 'vitest';
import { restore } from '../../src/archive/restore.js';
import { migrate, type Outcome, verify } from '../../src/index.js';
import { expectFaithfulByReadme } from '../archive/by-readme.js';
import { type Databases, makeDatabaseBeside, makeDatabases } from './databases.js';
import { leftOutButRoles, withDump } from './ferry.js';
import { apachePair } from './servers.js';
import { query, queryValue, withClient } from './sql.js';

/** What is broken on the source ends no run: it is left out by name, with the SQL that would make it. */
async function bothWays(databases: Databases): Promise<{ target: string; outcome: Outcome }[]> {
  const beside = await makeDatabaseBeside(databases.target);
  const migrated = await migrate({ ...databases, jobs: 2 });
  const restored = await withDump(databases, (from) => restore({ from, target: beside, jobs: 2 }));
  return [
    { target: databases.target, outcome: migrated },
    { target: beside, outcome: restored },
  ];
}

test('an index that is not valid on the source is left out, and its SQL makes it', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'left_invalid',
    `CREATE TABLE "t able" (a int); INSERT INTO "t able" VALUES (1), (1); CREATE INDEX good ON "t able" (a);`,
  );
  await withClient(databases.source, async (client) => {
    await expect(client.query(`CREATE UNIQUE INDEX CONCURRENTLY "b ad" ON "t able" (a)`)).rejects.toThrow(
      /unique index/,
    );
  });
  for (const { target, outcome } of await bothWays(databases)) {
    expect(outcome.verification).toMatchObject({ equal: true });
    const [left, ...more] = leftOutButRoles(outcome);
    expect(more).toEqual([]);
    expect(left).toMatchObject({ object: 'index public.b ad', reason: expect.stringContaining('not valid') });
    await query(target, 'DELETE FROM "t able" WHERE ctid = (SELECT min(ctid) FROM "t able")');
    await query(target, left?.sql ?? '');
    expect(
      await queryValue(target, `SELECT indisvalid FROM pg_index WHERE indexrelid = '"b ad"'::regclass`),
    ).toBe('t');
  }
});

test('a materialized view that cannot be filled any more is left without rows, and so is what reads it', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'left_unfilled',
    `CREATE TABLE t (a int); INSERT INTO t VALUES (1), (2);
     CREATE MATERIALIZED VIEW "m v" AS SELECT a FROM t; CREATE UNIQUE INDEX ON "m v" (a);
     CREATE MATERIALIZED VIEW upon AS SELECT count(*) FROM "m v";
     CREATE MATERIALIZED VIEW other AS SELECT count(*) FROM t;
     INSERT INTO t VALUES (1);`,
  );
  for (const { target, outcome } of await bothWays(databases)) {
    expect(outcome.verification).toMatchObject({ equal: true });
    expect(leftOutButRoles(outcome)).toEqual([
      {
        object: 'content of materialized view public.m v',
        reason: expect.stringContaining('unique index'),
        sql: 'REFRESH MATERIALIZED VIEW "public"."m v";',
      },
      expect.objectContaining({ object: 'content of materialized view public.upon' }),
    ]);
    expect(await queryValue(target, 'SELECT count FROM other')).toBe('3');
  }
});

test('an event trigger that writes a row for each login does so only when the migration is over', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'left_login',
    `CREATE TABLE login (who text, at timestamptz);
     CREATE FUNCTION note_login() RETURNS event_trigger SECURITY DEFINER LANGUAGE plpgsql AS
     $$ BEGIN INSERT INTO public.login VALUES (session_user, now()); END $$;
     CREATE EVENT TRIGGER noted ON login EXECUTE FUNCTION note_login(); ALTER EVENT TRIGGER noted ENABLE ALWAYS;`,
  );
  for (const { target, outcome } of await bothWays(databases)) {
    expect(outcome.verification).toMatchObject({ equal: true });
    const before = Number(await queryValue(target, 'SELECT count(*) FROM login'));
    expect(Number(await queryValue(target, 'SELECT count(*) FROM login'))).toBe(before + 1);
  }
});

test('a foreign key whose triggers are disabled is enabled on the target, and that is said', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'left_disabled',
    `CREATE TABLE parent (a int PRIMARY KEY); CREATE TABLE child (a int REFERENCES parent); ALTER TABLE child DISABLE TRIGGER ALL;`,
  );
  for (const { target, outcome } of await bothWays(databases)) {
    expect(outcome.verification).toMatchObject({ equal: true });
    const [left, ...more] = leftOutButRoles(outcome);
    expect(more).toEqual([]);
    expect(left?.object).toBe('disabled triggers of the foreign keys child_a_fkey on public.child');
    await query(target, left?.sql ?? '');
    await query(target, 'INSERT INTO child VALUES (1)');
  }
});

test('what every new database has, and the source has not, is no difference', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'left_bare',
    `CREATE TABLE t AS SELECT 1 AS n; DROP EXTENSION plpgsql; REVOKE USAGE ON LANGUAGE sql FROM PUBLIC;`,
  );
  for (const { outcome } of await bothWays(databases)) {
    expect(outcome.verification).toMatchObject({ equal: true });
    const explained = outcome.verification?.explained.map(
      ({ difference: { kind, object } }) => `${kind} ${object}`,
    );
    expect(explained).toEqual(expect.arrayContaining(['extension plpgsql', 'grants on language sql']));
  }
});

test('a database without the schema public is carried, and compared', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'left_no_public',
    `CREATE SCHEMA app; CREATE EXTENSION timescaledb SCHEMA app; CREATE TABLE app.t AS SELECT 1 AS n; DROP SCHEMA public;`,
  );
  for (const { target, outcome } of await bothWays(databases)) {
    expect(outcome.verification).toMatchObject({ equal: true });
    expect(await queryValue(target, `SELECT to_regnamespace('public') IS NULL`)).toBe('t');
  }
  await expectFaithfulByReadme({
    ...databases,
    target: await makeDatabaseBeside(databases.target, 'by readme'),
  });
  const again = await migrate({ ...databases, jobs: 2, cleanTarget: true });
  expect(again.verification).toMatchObject({ equal: true });
  expect((await verify(databases)).equal).toBe(true);
});
