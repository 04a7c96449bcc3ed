import { expect, test } from 'vitest';
import { migrateDatabase } from '../integration/ferry.js';
import { apachePair } from '../integration/servers.js';
import { query, queryValue, withClient } from '../integration/sql.js';
import { altered, makeReadings } from './readings.js';
import { expectError, expectRefusal, failureOf } from './refusal.js';

const REFUSAL = {
  code: 'SAME_DATABASE',
  says: ['expected two databases', /bad_same\w*/],
  advises: '--target',
} as const;

test('a database is not moved onto itself, by whatever address it is named', async () => {
  const { source, programs } = await makeReadings(await apachePair(), 'bad_same');
  for (const target of [source, altered(source, { hostname: 'localhost' })]) {
    await expectRefusal({ source, target, programs }, REFUSAL);
  }
});

test('cleaning the target does not drop the source when both are one database', async () => {
  const { source, programs } = await makeReadings(await apachePair(), 'bad_same_clean');
  await expectRefusal({ source, target: source, programs }, REFUSAL, { cleanTarget: true });
  expect(await queryValue(source, 'SELECT count(*) FROM reading')).toBe('72');
});

test('a role that may not read the identity of the server does not drop the source either', async () => {
  const { source, programs } = await makeReadings(await apachePair(), 'bad_same_role');
  await query(source, 'REVOKE EXECUTE ON FUNCTION pg_catalog.pg_control_system() FROM PUBLIC');
  await query(source, 'CREATE ROLE bad_same_role_login LOGIN IN ROLE pg_read_all_data, pg_write_all_data');
  await query(source, 'ALTER DATABASE bad_same_role OWNER TO bad_same_role_login');
  await query(source, 'ALTER TABLE reading OWNER TO bad_same_role_login');
  const url = altered(source, { username: 'bad_same_role_login' });
  const error = await failureOf({ source: url, target: url, programs, cleanTarget: true });
  expect(await queryValue(source, 'SELECT count(*) FROM reading'), 'rows of the source').toBe('72');
  expectError(error, REFUSAL);
});

test('two databases of one server are two databases', async () => {
  const { source, programs } = await makeReadings(await apachePair(), 'bad_same_server');
  await withClient(altered(source, { pathname: '/postgres' }), (client) =>
    client.query('CREATE DATABASE bad_same_server_copy TEMPLATE template0'),
  );
  const target = altered(source, { pathname: '/bad_same_server_copy' });
  const outcome = await migrateDatabase({ source, target, programs });
  expect(outcome.rows).toBe(79);
});
