import { expect, test } from 'vitest';
import { expectFaithfulByReadme } from '../archive/by-readme.js';
import { makeDatabaseBeside, makeDatabases } from './databases.js';
import { expectFaithfulMigration } from './ferry.js';
import { expectHypertableWorks } from './hypertables.js';
import { apachePair } from './servers.js';
import { query, queryValue } from './sql.js';

test('foreign keys in a circle, to the own table and over several columns are carried', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'constraints_circle',
    `
    CREATE EXTENSION timescaledb;
    CREATE TABLE hen (id int PRIMARY KEY, egg int);
    CREATE TABLE egg (id int PRIMARY KEY, hen int REFERENCES hen ON DELETE CASCADE ON UPDATE SET NULL);
    ALTER TABLE hen ADD FOREIGN KEY (egg) REFERENCES egg DEFERRABLE INITIALLY DEFERRED;
    BEGIN;
    INSERT INTO hen SELECT i, 101 - i FROM generate_series(1, 100) i;
    INSERT INTO egg SELECT i, 101 - i FROM generate_series(1, 100) i;
    COMMIT;
    CREATE TABLE employee (id int PRIMARY KEY, boss int REFERENCES employee);
    INSERT INTO employee SELECT i, nullif(i - 1, 0) FROM generate_series(1, 100) i;
    CREATE TABLE part (a int, b int, c int, UNIQUE NULLS NOT DISTINCT (a, b), PRIMARY KEY (b, a));
    CREATE TABLE whole (a int, b int, FOREIGN KEY (a, b) REFERENCES part (a, b) MATCH FULL ON DELETE SET NULL);
    INSERT INTO part VALUES (1, 2, 3);
    INSERT INTO whole VALUES (1, 2), (NULL, NULL);
    CREATE TABLE not_checked (id int REFERENCES employee);
    ALTER TABLE not_checked DISABLE TRIGGER ALL;
    INSERT INTO not_checked VALUES (5000);
    ALTER TABLE not_checked ENABLE TRIGGER ALL;
    ALTER TABLE not_checked DROP CONSTRAINT not_checked_id_fkey;
    ALTER TABLE not_checked ADD CONSTRAINT not_valid_key FOREIGN KEY (id) REFERENCES employee NOT VALID;
    ALTER TABLE not_checked ADD CONSTRAINT not_valid_check CHECK (id < 10) NOT VALID;
    CREATE TABLE over_partitions (id int PRIMARY KEY) PARTITION BY RANGE (id);
    CREATE TABLE over_partitions_1 PARTITION OF over_partitions FOR VALUES FROM (0) TO (10);
    INSERT INTO over_partitions VALUES (1);
    CREATE TABLE to_partitions (id int REFERENCES over_partitions);
    INSERT INTO to_partitions VALUES (1);
    CREATE TABLE reserved (room int, during int4range, EXCLUDE USING gist (during WITH &&) WHERE (room = 1));
    INSERT INTO reserved VALUES (1, '[1,2)'), (2, '[1,2)');
    `,
  );
  await expectFaithfulMigration(databases);
});

test('a constraint that is valid for chunks and children alone, since they were made later, is carried', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'constraints_validated',
    `
    CREATE EXTENSION timescaledb;
    CREATE TABLE reading (at timestamptz NOT NULL, value int);
    SELECT create_hypertable('reading', 'at');
    INSERT INTO reading VALUES ('2026-01-01', -1);
    ALTER TABLE reading ADD CONSTRAINT "not; valid" CHECK (value > 0) NOT VALID;
    INSERT INTO reading VALUES ('2026-06-01', 1);
    CREATE TABLE parent (a int);
    INSERT INTO parent VALUES (-1);
    ALTER TABLE parent ADD CONSTRAINT positive CHECK (a > 0) NOT VALID;
    CREATE TABLE child () INHERITS (parent);
    CREATE TABLE grandchild () INHERITS (child);
    INSERT INTO grandchild VALUES (1);
    CREATE TABLE whole (a int) PARTITION BY RANGE (a);
    ALTER TABLE whole ADD CONSTRAINT even CHECK (a % 2 = 0) NOT VALID;
    CREATE TABLE part PARTITION OF whole FOR VALUES FROM (0) TO (10);
    `,
  );
  await expectFaithfulMigration(databases);
  await expectFaithfulByReadme({ ...databases, target: await makeDatabaseBeside(databases.source) });
});

test('a CHECK of a child whose parent has lost the column is carried, with that of its own children', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'constraints_orphaned',
    `
    CREATE TABLE parent (a int, "co;l" text);
    ALTER TABLE parent ADD CONSTRAINT "che""ck" CHECK (length("co;l") < 5);
    CREATE TABLE child () INHERITS (parent);
    CREATE TABLE grandchild () INHERITS (child);
    CREATE TABLE "ch;ild" () INHERITS (parent);
    INSERT INTO grandchild VALUES (1, 'ab');
    ALTER TABLE ONLY parent DROP COLUMN "co;l";
    `,
  );
  // It is local to the children there, and stands in a dump.
  const exceptions = { objects: [/^schema dump, /] };
  await expectFaithfulMigration(databases, {}, exceptions);
  const target = await makeDatabaseBeside(databases.source);
  await expectFaithfulByReadme({ ...databases, target }, {}, exceptions);
  for (const table of ['child', 'grandchild', '"ch;ild"']) {
    const long = query(databases.target, `INSERT INTO ${table} VALUES (1, 'much too long')`);
    await expect(long).rejects.toThrow('violates check constraint');
  }
});

test('foreign keys from a hypertable and its chunks to a plain table are carried and hold', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'constraints_from_hypertable',
    `
    CREATE EXTENSION timescaledb;
    CREATE TABLE device (id int PRIMARY KEY);
    INSERT INTO device SELECT generate_series(1, 5);
    CREATE TABLE reading (at timestamptz NOT NULL, device int REFERENCES device, value int CHECK (value >= 0),
                          UNIQUE (device, at), EXCLUDE USING btree (at WITH =, value WITH =));
    SELECT create_hypertable('reading', 'at');
    INSERT INTO reading SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 day', 1 + i % 5, i
    FROM generate_series(0, 30) i;
    `,
  );
  await expectFaithfulMigration(databases);
  await expectHypertableWorks(databases.target, 'reading', {
    old: `('2026-01-02 12:00+00', 1, 1)`,
    new: `('2020-01-02 12:00+00', 1, 1)`,
  });
  const insert = (row: string) => query(databases.target, `INSERT INTO reading VALUES ${row}`);
  await expect(insert(`('2026-01-03 12:00+00', 99, 1)`)).rejects.toThrow('violates foreign key constraint');
  await expect(insert(`('2026-01-03 12:00+00', 1, -1)`)).rejects.toThrow('violates check constraint');
  await expect(insert(`('2026-01-02 12:00+00', 1, 9)`)).rejects.toThrow('violates unique constraint');
  await expect(insert(`('2026-01-02 12:00+00', 2, 1)`)).rejects.toThrow('violates exclusion constraint');
});

test('foreign keys that reference a hypertable are carried and hold', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'constraints_to_hypertable',
    `
    CREATE EXTENSION timescaledb;
    CREATE TABLE reading (at timestamptz NOT NULL, device int NOT NULL, value int, PRIMARY KEY (at, device));
    SELECT create_hypertable('reading', 'at');
    INSERT INTO reading SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 day', 1, i
    FROM generate_series(0, 30) i;
    CREATE TABLE alarm (at timestamptz, device int, note text, FOREIGN KEY (at, device) REFERENCES reading ON DELETE CASCADE);
    INSERT INTO alarm SELECT at, device, 'alarm ' || value FROM reading WHERE value % 10 = 0;
    CREATE TABLE late (at timestamptz, device int);
    INSERT INTO late VALUES ('2000-01-01 00:00+00', 1);
    ALTER TABLE late ADD CONSTRAINT not_valid FOREIGN KEY (at, device) REFERENCES reading NOT VALID;
    `,
  );
  await expectFaithfulMigration(databases);
  await expectHypertableWorks(databases.target, 'reading', {
    old: `('2026-01-02 12:00+00', 1, 1)`,
    new: `('2020-01-02 12:00+00', 1, 1)`,
  });
  await expect(
    query(databases.target, `INSERT INTO alarm VALUES ('2026-06-06 00:00+00', 1, 'no such reading')`),
  ).rejects.toThrow('violates foreign key constraint');
});

/** Each chunk has a part of a key of its own, which acts when its rows go. */
const KEYS_TO_CHUNKS = `SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND conrelid = 'alarm'::regclass AND conparentid <> 0`;

for (const off of ['event_triggers', 'timescaledb.enable_foreign_key_propagation']) {
  test(`foreign keys to a hypertable reach its chunks, though the database has ${off} off`, async () => {
    const name = `constraints_${off}`;
    const databases = await makeDatabases(
      await apachePair(),
      name,
      `
      CREATE EXTENSION timescaledb;
      CREATE TABLE reading (at timestamptz PRIMARY KEY);
      SELECT create_hypertable('reading', 'at');
      INSERT INTO reading VALUES ('2026-01-01 00:00+00'), ('2026-06-01 00:00+00');
      CREATE TABLE alarm (at timestamptz REFERENCES reading);
      INSERT INTO alarm VALUES ('2026-06-01 00:00+00');
      ALTER DATABASE "${name}" SET ${off} = off;
      `,
    );
    await expectFaithfulMigration(databases);
    expect(await queryValue(databases.target, KEYS_TO_CHUNKS)).toBe('2');
    await expect(query(databases.target, 'DELETE FROM reading')).rejects.toThrow(
      'violates foreign key constraint',
    );
  });
}
