import { access } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { makeReadings } from '../bad-input/readings.js';
import { stateOf } from '../bad-input/state.js';
import type { Databases } from '../integration/databases.js';
import { apachePair } from '../integration/servers.js';
import { queryValue, runScript } from '../integration/sql.js';
import { hyperferry } from './command-line.js';

const hasTerminal = await access('/usr/bin/script').then(
  () => true,
  () => false,
);
const onTerminal = test.skipIf(!hasTerminal);
const title = hasTerminal ? '' : ' (skipped: no script(1) to give a terminal)';

test('--clean-target without a terminal and without --yes is refused, and nothing is dropped', async () => {
  const databases = await makeFull('cli_clean_refused');
  const before = await statesOf(databases);
  const { exitCode, stdout, stderr } = await hyperferry(['migrate', '--clean-target'], {
    SOURCE: databases.source,
    TARGET: databases.target,
  });
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  expect(stderr).toMatch(/no terminal/);
  expect(stderr).toMatch(/hint:.*--yes/);
  expect(await statesOf(databases)).toEqual(before);
});

test('--clean-target --yes drops what is in the target and moves the source', async () => {
  const databases = await makeFull('cli_clean_yes');
  const { exitCode, stderr } = await hyperferry(
    ['migrate', '--clean-target', '--yes', '--pg-bin', databases.programs],
    { SOURCE: databases.source, TARGET: databases.target },
  );
  expect(exitCode, stderr).toBe(0);
  expect(await queryValue(databases.target, `SELECT to_regclass('theirs')`)).toBeNull();
  expect(await queryValue(databases.target, 'SELECT count(*) FROM reading')).toBe('72');
});

test('--clean-target drops what neither a table nor a schema takes with it', async () => {
  const databases = await makeFull('cli_clean_rare');
  await runScript(
    databases.programs,
    databases.target,
    `CREATE TYPE span AS RANGE (subtype = int); CREATE TABLE spans (s span, n int GENERATED ALWAYS AS IDENTITY);
     CREATE TYPE pair AS (a int, b int); CREATE FUNCTION first(pair) RETURNS int LANGUAGE sql AS 'SELECT $1.a';
     CREATE EXTENSION ltree; CREATE SCHEMA apart; CREATE TABLE apart.tree (l ltree);
     CREATE MATERIALIZED VIEW "tr;ee" AS SELECT * FROM apart.tree;
     CREATE INDEX ON apart.tree USING gist (l gist_ltree_ops (siglen = 100));
     CREATE INDEX ON "tr;ee" USING gist (l gist_ltree_ops (siglen = 100));
     CREATE ROLE "cli;clean";
     ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO "cli;clean" WITH GRANT OPTION;
     ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
     ALTER DEFAULT PRIVILEGES REVOKE ALL ON SEQUENCES FROM CURRENT_USER;
     ALTER DEFAULT PRIVILEGES FOR ROLE "cli;clean" IN SCHEMA apart GRANT USAGE ON TYPES TO PUBLIC;
     CREATE CAST (money AS bool) WITH INOUT;
     CREATE ACCESS METHOD pile TYPE TABLE HANDLER heap_tableam_handler;
     CREATE LANGUAGE tongue HANDLER plpgsql_call_handler;
     ALTER DATABASE cli_clean_rare SET work_mem = '5MB'; COMMENT ON DATABASE cli_clean_rare IS 'theirs';
     ALTER ROLE "cli;clean" IN DATABASE cli_clean_rare SET work_mem = '6MB';`,
  );
  const { exitCode, stderr } = await hyperferry(
    ['migrate', '--clean-target', '--yes', '--pg-bin', databases.programs],
    { SOURCE: databases.source, TARGET: databases.target },
  );
  expect(exitCode, stderr).toBe(0);
  // What the comparison takes for the target's own, where it stays.
  expect(
    await queryValue(
      databases.target,
      `SELECT string_agg(found::text, ' ') FROM (
         SELECT a::text FROM pg_default_acl a
         UNION ALL SELECT s::text FROM pg_db_role_setting s JOIN pg_database d ON d.oid = setdatabase
                   WHERE datname = 'cli_clean_rare'
         UNION ALL SELECT description FROM pg_shdescription
                   WHERE objoid = (SELECT oid FROM pg_database WHERE datname = 'cli_clean_rare')) AS found`,
    ),
  ).toBeNull();
});

test('--yes alone drops nothing', async () => {
  const databases = await makeFull('cli_yes_alone');
  const before = await statesOf(databases);
  const { exitCode, stderr } = await hyperferry(['migrate', '--yes', '--pg-bin', databases.programs], {
    SOURCE: databases.source,
    TARGET: databases.target,
  });
  expect(exitCode).toBe(1);
  expect(stderr).toContain('theirs');
  expect(await statesOf(databases)).toEqual(before);
});

onTerminal(`on a terminal, any other answer than the database's name drops nothing${title}`, async () => {
  const databases = await makeFull('cli_clean_no');
  const before = await statesOf(databases);
  for (const answer of ['yes\n', '\n', 'cli_clean\n']) {
    const { exitCode, shown } = await answering(databases, answer);
    expect(exitCode, shown).toBe(2);
    expect(shown).toContain('cli_clean_no will be dropped');
  }
  expect(await statesOf(databases)).toEqual(before);
});

onTerminal(`on a terminal, the end of the input drops nothing and ends the question${title}`, async () => {
  const databases = await makeFull('cli_clean_end');
  const before = await statesOf(databases);
  const { exitCode, shown } = await answering(databases, '\u0004');
  expect(exitCode, shown).not.toBe(0);
  expect(await statesOf(databases)).toEqual(before);
});

onTerminal(`on a terminal, the database's name drops what is in it${title}`, async () => {
  const databases = await makeFull('cli_clean_name');
  const { exitCode, shown } = await answering(databases, 'cli_clean_name\n');
  expect(exitCode, shown).toBe(0);
  expect(await queryValue(databases.target, `SELECT to_regclass('theirs')`)).toBeNull();
  expect(await queryValue(databases.target, 'SELECT count(*) FROM reading')).toBe('72');
});

/** Runs the command line on a terminal of its own, and types the answer when it is asked for. */
async function answering({ source, target, programs }: Databases, answer: string) {
  const command = `'${process.execPath}' --import tsx src/cli/main.ts migrate --clean-target --pg-bin '${programs}'`;
  const run = execa('script', ['--quiet', '--return', '--flush', '--command', command, '/dev/null'], {
    cwd: fileURLToPath(new URL('../../', import.meta.url)),
    env: { SOURCE: source, TARGET: target },
    reject: false,
    timeout: 60_000,
    all: true,
  });
  let typed = false;
  run.stdout.on('data', (bytes: Buffer) => {
    if (typed || !bytes.toString().includes('go on')) return;
    typed = true;
    run.stdin.write(answer);
  });
  const { exitCode, all } = await run;
  return { exitCode, shown: all ?? '' };
}

async function makeFull(name: string): Promise<Databases> {
  const databases = await makeReadings(await apachePair(), name);
  await runScript(databases.programs, databases.target, 'CREATE TABLE theirs AS SELECT 1 AS a');
  return databases;
}

function statesOf({ source, target, programs }: Databases): Promise<string[][]> {
  return Promise.all([stateOf(source, programs), stateOf(target, programs)]);
}
