import { expect, test } from 'vitest';
import { makeDatabases } from './databases.js';
import { expectFaithfulMigration } from './ferry.js';
import { expectHypertableWorks } from './hypertables.js';
import { apachePair } from './servers.js';
import { query, queryValue } from './sql.js';

test('triggers do not fire while rows are copied, and stay on, off, or as they were', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'triggers_states',
    `
    CREATE EXTENSION timescaledb;
    CREATE TABLE log (what text);
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN INSERT INTO public.log VALUES (TG_NAME || ' ' || TG_OP); RETURN NEW; END $$;
    CREATE FUNCTION change() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN NEW.value := 1000000; RETURN NEW; END $$;
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused'; END $$;
    CREATE TABLE reading (at timestamptz NOT NULL, value int);
    SELECT create_hypertable('reading', 'at');
    INSERT INTO reading SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 day', i FROM generate_series(0, 20) i;
    CREATE TRIGGER a_changes BEFORE INSERT ON reading FOR EACH ROW EXECUTE FUNCTION change();
    CREATE TRIGGER b_notes AFTER INSERT OR UPDATE ON reading FOR EACH ROW EXECUTE FUNCTION note();
    CREATE TRIGGER c_of_statement AFTER INSERT ON reading FOR EACH STATEMENT EXECUTE FUNCTION note();
    CREATE TABLE plain (id int PRIMARY KEY, value int);
    INSERT INTO plain SELECT i, i FROM generate_series(1, 10) i;
    CREATE TRIGGER always BEFORE INSERT ON plain FOR EACH ROW EXECUTE FUNCTION change();
    CREATE TRIGGER replica BEFORE INSERT ON plain FOR EACH ROW EXECUTE FUNCTION refuse();
    CREATE TRIGGER disabled BEFORE INSERT ON plain FOR EACH ROW WHEN (NEW.id > 0) EXECUTE FUNCTION refuse();
    CREATE TRIGGER of_columns AFTER UPDATE OF value ON plain FOR EACH ROW EXECUTE FUNCTION note('argument; ''quoted''');
    CREATE CONSTRAINT TRIGGER deferred AFTER INSERT ON plain DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
      EXECUTE FUNCTION note();
    CREATE TRIGGER with_tables AFTER INSERT ON plain REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION note();
    ALTER TABLE plain ENABLE ALWAYS TRIGGER always, ENABLE REPLICA TRIGGER replica, DISABLE TRIGGER disabled;
    ALTER TRIGGER of_columns ON plain RENAME TO "renamed trigger";
    COMMENT ON TRIGGER always ON plain IS 'also for replicas';
    `,
  );
  await expectFaithfulMigration(databases);
  await expectHypertableWorks(databases.target, 'reading', {
    old: `('2026-01-02 12:00+00', 1)`,
    new: `('2020-01-02 12:00+00', 1)`,
  });
  expect(await queryValue(databases.target, `SELECT count(*) FROM reading WHERE value = 1000000`)).toBe('2');
  expect(await queryValue(databases.target, `SELECT count(*) FROM log`)).toBe('4');
  expect(await queryValue(databases.target, `INSERT INTO plain VALUES (11, 1) RETURNING value`)).toBe(
    '1000000',
  );
});

test('event triggers do not fire while definitions are restored, and are carried', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'triggers_events',
    `
    CREATE EXTENSION timescaledb;
    CREATE TABLE log (tag text);
    CREATE FUNCTION note() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.log VALUES (tg_tag); END $$;
    CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no more DDL'; END $$;
    CREATE TABLE reading (at timestamptz NOT NULL, value int);
    SELECT create_hypertable('reading', 'at');
    INSERT INTO reading SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 day', i FROM generate_series(0, 20) i;
    CREATE INDEX ON reading (value);
    CREATE MATERIALIZED VIEW summary AS SELECT count(*) FROM reading;
    CREATE EVENT TRIGGER disabled ON ddl_command_start EXECUTE FUNCTION refuse();
    ALTER EVENT TRIGGER disabled DISABLE;
    CREATE EVENT TRIGGER notes ON ddl_command_end EXECUTE FUNCTION note();
    CREATE EVENT TRIGGER replica ON sql_drop WHEN TAG IN ('DROP TABLE', 'DROP FUNCTION') EXECUTE FUNCTION note();
    ALTER EVENT TRIGGER replica ENABLE REPLICA;
    CREATE EVENT TRIGGER refuses ON ddl_command_start EXECUTE FUNCTION refuse();
    `,
  );
  await expectFaithfulMigration(databases);
  await expect(query(databases.target, `CREATE TABLE forbidden (id int)`)).rejects.toThrow('no more DDL');
});

test('rules, also those that turn inserts aside, are carried and do not touch the copied rows', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'triggers_rules',
    `
    CREATE EXTENSION timescaledb;
    CREATE TABLE reading (at timestamptz NOT NULL, value int);
    SELECT create_hypertable('reading', 'at');
    INSERT INTO reading VALUES ('2026-01-01 00:00+00', 1);
    CREATE TABLE archive (id int, note text);
    INSERT INTO archive VALUES (1, 'kept');
    CREATE TABLE diverted (id int);
    CREATE RULE divert AS ON INSERT TO archive DO INSTEAD INSERT INTO diverted VALUES (NEW.id);
    CREATE RULE keep AS ON DELETE TO archive WHERE OLD.id = 1 DO INSTEAD NOTHING;
    CREATE VIEW readable AS SELECT id, note FROM archive;
    CREATE RULE through AS ON UPDATE TO readable DO INSTEAD UPDATE archive SET note = NEW.note WHERE id = OLD.id;
    ALTER TABLE archive DISABLE RULE keep;
    COMMENT ON RULE divert ON archive IS 'turned aside';
    `,
  );
  await expectFaithfulMigration(databases);
  await query(databases.target, `INSERT INTO archive VALUES (2, 'turned aside')`);
  expect(await queryValue(databases.target, `SELECT count(*) FROM diverted`)).toBe('1');
  expect(await queryValue(databases.target, `SELECT count(*) FROM archive`)).toBe('1');
});
