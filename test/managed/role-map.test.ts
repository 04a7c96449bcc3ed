import { describe, expect, test } from 'vitest';
import { migrate } from '../../src/index.js';
import { makeDatabases } from '../integration/databases.js';
import { hasCommunity } from '../integration/servers.js';
import { query, queryValue, runScript } from '../integration/sql.js';
import { forgetSource, jobsOf, ownersOf } from './facts.js';
import { makeManagedTarget } from './managed-target.js';
import { apacheManagedPair, communityManagedPair } from './pairs.js';

const content = (p: string) => `
CREATE EXTENSION timescaledb;
CREATE ROLE "${p} o""ld" LOGIN; CREATE ROLE ${p}_other LOGIN;
CREATE SCHEMA apart; ALTER SCHEMA apart OWNER TO "${p} o""ld";
CREATE TABLE apart.account (id int); ALTER TABLE apart.account OWNER TO "${p} o""ld";
CREATE FUNCTION apart.one() RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER FUNCTION apart.one() OWNER TO "${p} o""ld";
CREATE TABLE other (id int); ALTER TABLE other OWNER TO ${p}_other;
SELECT lo_from_bytea(4711, 'one'); ALTER LARGE OBJECT 4711 OWNER TO "${p} o""ld";`;

test('--role-map gives what one role owns to another, and leaves the rest as it is', async () => {
  const pair = await apacheManagedPair();
  const p = 'mapped';
  const databases = await makeDatabases(pair, p, content(p));
  await runScript(databases.programs, databases.target, `CREATE ROLE "${p} n""ew" LOGIN`);
  const roleMap = { [`${p} o"ld`]: `${p} n"ew` };
  const { leftOut, verification } = await migrate({ ...databases, jobs: 2, roleMap });
  expect(verification).toMatchObject({ equal: true });
  expect(leftOut.filter(({ object }) => !object.startsWith('password of'))).toEqual([]);
  const wanted = (await ownersOf(databases.source)).map((line) => line.replace(/o"ld$/, 'n"ew'));
  expect(wanted.join('\n')).toContain('n"ew');
  expect(await ownersOf(databases.target)).toEqual(wanted);
  await forgetSource(pair.source.url, p, p);
});

test('--role-map gives what postgres owns to a role of one’s own, on a managed target', async () => {
  const pair = await apacheManagedPair();
  const p = 'remapped';
  const { url, adminUrl, role } = await makeManagedTarget(pair.target);
  const databases = await makeDatabases(
    pair,
    p,
    `CREATE EXTENSION timescaledb; CREATE TABLE account (id int); CREATE SCHEMA apart; CREATE TABLE apart.entry (n int);`,
  );
  await query(url, `CREATE ROLE ${p}_new LOGIN`);
  await migrate({ ...databases, target: url, jobs: 2, roleMap: { postgres: `${p}_new` } });
  const owners = (await ownersOf(adminUrl)).filter((line) => !line.startsWith('the database'));
  expect(owners).toEqual([
    `relation apart.entry: ${p}_new`,
    `relation public.account: ${p}_new`,
    `schema apart: ${p}_new`,
  ]);
  expect(owners.join('\n')).not.toContain(role);
  await forgetSource(pair.source.url, p, p);
});

describe.skipIf(!hasCommunity)('background jobs, community edition', () => {
  test('--role-map names the owner of a job, and an unknown owner’s jobs go to the connecting role with a word', async () => {
    const pair = await communityManagedPair();
    const p = 'jobmap';
    const { url, adminUrl, role } = await makeManagedTarget(pair.target);
    const databases = await makeDatabases(
      pair,
      p,
      `CREATE EXTENSION timescaledb;
       CREATE ROLE ${p}_one LOGIN; CREATE ROLE ${p}_two LOGIN;
       CREATE PROCEDURE nothing(job_id int, config jsonb) LANGUAGE plpgsql AS 'BEGIN END';
       SET ROLE ${p}_one; SELECT add_job('nothing', '1 day', initial_start => '2100-01-01 00:00+00');
       SET ROLE ${p}_two; SELECT add_job('nothing', '1 day', initial_start => '2100-01-01 00:00+00');`,
    );
    // The target has the role, and the connecting one is no member of it, nor may make itself one.
    await query(adminUrl, `CREATE ROLE ${p}_two LOGIN`);
    await query(url, `CREATE ROLE ${p}_new LOGIN`);
    const roleMap = { [`${p}_one`]: `${p}_new` };
    const { leftOut } = await migrate({ ...databases, target: url, jobs: 2, roleMap });
    expect((await jobsOf(url)).map(({ owner }) => owner)).toEqual([`${p}_new`, role]);
    const left = leftOut.filter(({ object }) => object === `background jobs of ${p}_two`);
    expect(left.length).toBe(1);

    // Its SQL gives the jobs to whom they belonged.
    await runScript(databases.programs, adminUrl, left[0]?.sql ?? '');
    expect((await jobsOf(url)).map(({ owner }) => owner)).toEqual([`${p}_new`, `${p}_two`]);
    expect(await queryValue(url, 'SHOW timescaledb.restoring')).toBe('off');
    await forgetSource(pair.source.url, p, p);
  });
});
