import { expect, test } from 'vitest';
import { makeReadings } from '../bad-input/readings.js';
import { apachePair } from '../integration/servers.js';
import { queryValue } from '../integration/sql.js';
import { hyperferry } from './command-line.js';

const GRANTS = (name: string) => `
CREATE ROLE ${name}_reader;
GRANT SELECT ON device, reading TO ${name}_reader;
GRANT USAGE ON SCHEMA public TO ${name}_reader;
GRANT CONNECT ON DATABASE ${name} TO ${name}_reader;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO ${name}_reader;`;

const OWNER = `SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname = 'device'`;

/** Every mention of the reader in the grants of the database and of what is in it. */
const grantsTo = (role: string) => `
SELECT count(*) FROM (
  SELECT relacl::text AS acl FROM pg_class UNION ALL SELECT nspacl::text FROM pg_namespace
  UNION ALL SELECT datacl::text FROM pg_database UNION ALL SELECT defaclacl::text FROM pg_default_acl
) AS grants WHERE acl LIKE '%${role}=%'`;

test('owners and grants are carried over', async () => {
  const { owner, grants } = await migrated('cli_rights', []);
  expect(owner).toBe('cli_rights_owner');
  // device, reading and its three chunks, the schema, the database, the default privileges
  expect(grants).toBe('8');
});

test('--no-owner leaves all that is made to the connecting role', async () => {
  const { owner, grants } = await migrated('cli_no_owner', ['--no-owner']);
  expect(owner).toBe('postgres');
  expect(grants).not.toBe('0');
});

test('--no-privileges leaves grants behind', async () => {
  const { owner, grants } = await migrated('cli_no_privileges', ['--no-privileges']);
  expect(owner).toBe('cli_no_privileges_owner');
  expect(grants).toBe('0');
});

async function migrated(name: string, flags: string[]) {
  const databases = await makeReadings(await apachePair(), name, GRANTS(name));
  const { exitCode, stderr } = await hyperferry(['migrate', '--pg-bin', databases.programs, ...flags], {
    SOURCE: databases.source,
    TARGET: databases.target,
  });
  expect(exitCode, stderr).toBe(0);
  return {
    owner: await queryValue(databases.target, OWNER),
    grants: await queryValue(databases.target, grantsTo(`${name}_reader`)),
  };
}
