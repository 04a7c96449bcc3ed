import { expect, test } from 'vitest';
import { restore } from '../../src/archive/restore.js';
import { altered } from '../bad-input/readings.js';
import { expectEqualDatabases } from '../integration/compare/databases.js';
import { makeDatabases } from '../integration/databases.js';
import { leftOutButRoles, withDump } from '../integration/ferry.js';
import { query, queryValue, withClient } from '../integration/sql.js';
import { forgetSource, ownersOf } from '../managed/facts.js';
import { apacheManagedPair } from '../managed/pairs.js';
import { followReadme } from './by-readme.js';

const storedOf = (role: string) => `SELECT rolpassword FROM pg_authid WHERE rolname = '${role}'`;

test('--role-passwords brings the stored form of a password, by a restore as by README.txt', async () => {
  const pair = await apacheManagedPair();
  const p = 'dumped_password';
  const { source, target, programs } = await makeDatabases(
    pair,
    p,
    `CREATE EXTENSION timescaledb; CREATE ROLE ${p}_login LOGIN PASSWORD 'it''s; a secret';`,
  );
  const stored = await queryValue(source, storedOf(`${p}_login`));
  expect(stored).toMatch(/^SCRAM-SHA-256\$/);
  await withDump({ source, programs, rolePasswords: true }, async (from) => {
    await restore({ from, target, jobs: 2, rolePasswords: true });
    expect(await queryValue(target, storedOf(`${p}_login`))).toBe(stored);
    await emptyAgain(target, p);

    const { leftOut } = await restore({ from, target, jobs: 2 });
    expect(await queryValue(target, storedOf(`${p}_login`)), 'where nobody asked for it').toBeNull();
    expect(leftOut.map(({ object }) => object)).toContain(`password of role ${p}_login`);
    await emptyAgain(target, p);

    await followReadme(from, target, programs);
    expect(await queryValue(target, storedOf(`${p}_login`))).toBe(stored);
  });
  const restored = withDump({ source, programs }, (from) => restore({ from, target, rolePasswords: true }));
  await expect(restored).rejects.toThrow('expected the passwords of roles in');
  await forgetSource(pair.source.url, p, p);
});

test('a member of pg_read_all_data can dump a database', async () => {
  const pair = await apacheManagedPair();
  const p = 'dumped_by_reader';
  const { source, target, programs } = await makeDatabases(
    pair,
    p,
    `CREATE EXTENSION timescaledb;
     CREATE ROLE ${p}_dumper LOGIN IN ROLE pg_read_all_data;
     CREATE ROLE ${p}_owner;
     CREATE TABLE reading (at timestamptz NOT NULL, value float8); ALTER TABLE reading OWNER TO ${p}_owner;
     SELECT create_hypertable('reading', 'at');
     INSERT INTO reading SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 day', i FROM generate_series(1, 30) AS i;
     CREATE SEQUENCE counter; SELECT setval('counter', 41);
     CREATE MATERIALIZED VIEW total AS SELECT sum(value) FROM reading;`,
  );
  await withDump({ source: altered(source, { username: `${p}_dumper` }), programs }, async (from) => {
    const outcome = await restore({ from, target, jobs: 2 });
    expect(leftOutButRoles(outcome)).toEqual([]);
    await expectEqualDatabases(source, target, programs);
    await emptyAgain(target, p);
    await followReadme(from, target, programs);
    await expectEqualDatabases(source, target, programs);
  });
  await forgetSource(pair.source.url, p, p);
});

test('--role-map gives what one role owns to another', async () => {
  const pair = await apacheManagedPair();
  const p = 'restore_mapped';
  const { source, target, programs } = await makeDatabases(
    pair,
    p,
    `CREATE EXTENSION timescaledb; CREATE ROLE ${p}_old;
     CREATE TABLE account (id int); ALTER TABLE account OWNER TO ${p}_old;
     SELECT lo_from_bytea(4711, 'one'); ALTER LARGE OBJECT 4711 OWNER TO ${p}_old;`,
  );
  await query(target, `CREATE ROLE ${p}_new`);
  await withDump({ source, programs }, (from) =>
    restore({ from, target, jobs: 2, roleMap: { [`${p}_old`]: `${p}_new` } }),
  );
  const wanted = (await ownersOf(source)).map((line) => line.replace(/_old$/, '_new'));
  expect(await ownersOf(target)).toEqual(wanted);
  await forgetSource(pair.source.url, p, p);
});

/** Makes a target as it was before, without the roles that came with it. */
async function emptyAgain(target: string, name: string): Promise<void> {
  await forgetSource(altered(target, { pathname: '/postgres' }), name, name);
  await withClient(altered(target, { pathname: '/postgres' }), (client) =>
    client.query(`CREATE DATABASE ${client.escapeIdentifier(name)} TEMPLATE template0`),
  );
}
