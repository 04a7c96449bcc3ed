import { test } from 'vitest';
import { makeDatabases } from './databases.js';
import { expectFaithfulMigration } from './ferry.js';
import { apachePair } from './servers.js';

test('large objects keep their number, bytes, owner, grants and comment', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'large_objects',
    `
    CREATE EXTENSION timescaledb;
    CREATE ROLE large_object_owner;
    CREATE ROLE large_object_reader;
    CREATE TABLE picture (name text, content oid);
    INSERT INTO picture SELECT 'picture ' || i, lo_from_bytea(50000 + i, convert_to(repeat('pixel ' || i, i * 1000), 'UTF8'))
    FROM generate_series(1, 20) i;
    SELECT lo_create(60000);
    SELECT lo_from_bytea(4294967295, decode(string_agg(lpad(to_hex(i), 2, '0'), ''), 'hex')) FROM generate_series(0, 255) i;
    ALTER LARGE OBJECT 50001 OWNER TO large_object_owner;
    GRANT SELECT ON LARGE OBJECT 50002 TO large_object_reader;
    GRANT UPDATE ON LARGE OBJECT 50001 TO large_object_reader WITH GRANT OPTION;
    COMMENT ON LARGE OBJECT 50003 IS 'it''s; a "comment"';
    `,
  );
  await expectFaithfulMigration(databases);
});

test('a large object with a hole, and one of many megabytes, keep their length', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'large_objects_long',
    `
    CREATE EXTENSION timescaledb;
    SELECT lo_from_bytea(1001, 'begin');
    SELECT lo_put(1001, 30000000, 'end');
    SELECT lo_from_bytea(1002, decode(repeat('00ff5c0a', 10000000), 'hex'));
    `,
  );
  await expectFaithfulMigration(databases);
});
