import { expect, test } from 'vitest';
import { makeDatabases } from './databases.js';
import { expectFaithfulMigration } from './ferry.js';
import { apachePair } from './servers.js';
import { query, queryValue, withFixedDisplay } from './sql.js';

test('views are carried, also recursive ones, ones of views, and ones with options', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'views_plain',
    `
    CREATE EXTENSION timescaledb;
    CREATE TABLE reading (at timestamptz NOT NULL, device int, value int);
    SELECT create_hypertable('reading', 'at');
    INSERT INTO reading SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '6 hours', i % 3, i FROM generate_series(1, 100) i;
    CREATE VIEW daily AS SELECT time_bucket('1 day', at) AS day, device, avg(value) AS mean, first(value, at), last(value, at)
      FROM reading GROUP BY 1, 2;
    CREATE VIEW of_view ("two words", b) AS SELECT day, mean FROM daily WHERE device = 1;
    CREATE RECURSIVE VIEW counting (n) AS VALUES (1) UNION ALL SELECT n + 1 FROM counting WHERE n < 10;
    CREATE VIEW checked WITH (security_barrier, security_invoker) AS SELECT * FROM reading WHERE value < 50
      WITH LOCAL CHECK OPTION;
    CREATE VIEW with_default AS SELECT at, value FROM reading;
    ALTER VIEW with_default ALTER value SET DEFAULT 5;
    CREATE VIEW grouped_by_key AS SELECT h.hypertable_name FROM timescaledb_information.hypertables h;
    CREATE TABLE keyed (id int PRIMARY KEY, name text);
    CREATE VIEW needs_key AS SELECT id, name, count(*) FROM keyed GROUP BY id;
    COMMENT ON VIEW needs_key IS 'depends on the primary key';
    COMMENT ON COLUMN needs_key.name IS 'a column';
    CREATE RULE nothing AS ON INSERT TO needs_key DO INSTEAD NOTHING;
    COMMENT ON RULE nothing ON needs_key IS 'a rule';
    COMMENT ON RULE "_RETURN" ON needs_key IS 'what no dump carries';
    `,
  );
  await expectFaithfulMigration(databases);
  const content = `SELECT md5(string_agg(daily::text, ',' ORDER BY day, device)) FROM daily`;
  const utc = (url: string) => queryValue(withFixedDisplay(url), content);
  expect(await utc(databases.target)).toBe(await utc(databases.source));
});

test('materialized views hold the rows they held, or none where they held none', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'views_materialized',
    `
    CREATE EXTENSION timescaledb;
    CREATE TABLE reading (at timestamptz NOT NULL, device int, value int);
    SELECT create_hypertable('reading', 'at');
    INSERT INTO reading SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '6 hours', i % 3, i FROM generate_series(1, 100) i;
    CREATE MATERIALIZED VIEW a_of_the_other AS SELECT 1 AS placeholder;
    DROP MATERIALIZED VIEW a_of_the_other;
    CREATE MATERIALIZED VIEW summary AS SELECT device, sum(value) FROM reading GROUP BY device;
    CREATE UNIQUE INDEX ON summary (device);
    CREATE MATERIALIZED VIEW a_of_the_other WITH (fillfactor = 50) AS SELECT * FROM summary WHERE device > 0;
    CREATE MATERIALIZED VIEW empty AS SELECT * FROM summary WITH NO DATA;
    CREATE MATERIALIZED VIEW of_empty AS SELECT 1 AS one WITH NO DATA;
    CREATE TABLE filled_from_view AS SELECT * FROM summary;
    ALTER TABLE filled_from_view ADD UNIQUE (device);
    GRANT SELECT ON summary TO PUBLIC;
    COMMENT ON MATERIALIZED VIEW summary IS 'kept';
    CREATE FUNCTION total() RETURNS bigint LANGUAGE sql AS 'SELECT sum(sum)::bigint FROM public.summary';
    CREATE MATERIALIZED VIEW a_through_function AS SELECT total();
    CREATE FUNCTION again() RETURNS bigint LANGUAGE sql AS 'SELECT total FROM public.a_through_function';
    CREATE MATERIALIZED VIEW "A through two" AS SELECT again();
    `,
  );
  await expectFaithfulMigration(databases);
  await query(databases.target, `REFRESH MATERIALIZED VIEW CONCURRENTLY summary`);
});

test('a materialized view that reads what only its owner may read is filled', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'views_owned',
    `
    CREATE EXTENSION timescaledb;
    CREATE ROLE views_owner;
    CREATE TABLE hidden (id int);
    INSERT INTO hidden VALUES (1), (2);
    ALTER TABLE hidden OWNER TO views_owner;
    REVOKE ALL ON hidden FROM PUBLIC;
    GRANT CREATE ON SCHEMA public TO views_owner;
    CREATE FUNCTION double(id int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT id * 2';
    CREATE MATERIALIZED VIEW doubled AS SELECT public.double(id) FROM hidden;
    ALTER MATERIALIZED VIEW doubled OWNER TO views_owner;
    `,
  );
  await expectFaithfulMigration(databases);
});

test('functions, procedures, aggregates, operators, casts, collations and text search objects are carried', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'views_functions',
    `
    CREATE EXTENSION timescaledb;
    CREATE FUNCTION sum_of(a int, b int DEFAULT 5, VARIADIC rest int[] DEFAULT '{}') RETURNS int
      LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 7 SET search_path = pg_catalog, "odd schema"
      AS $body$ BEGIN RETURN a + b + coalesce((SELECT sum(r) FROM unnest(rest) r), 0); END; $body$;
    CREATE FUNCTION standard_body(a int) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT a + 1; END;
    CREATE FUNCTION table_of() RETURNS TABLE (a int, "b c" text) LANGUAGE sql ROWS 5 AS $$ VALUES (1, ';') $$;
    CREATE PROCEDURE do_it(INOUT x int) LANGUAGE plpgsql AS $$ BEGIN x := x + 1; COMMIT; END $$;
    CREATE FUNCTION not_checked() RETURNS int LANGUAGE sql AS 'SELECT 1';
    CREATE AGGREGATE product (int) (SFUNC = int4mul, STYPE = int, INITCOND = '1');
    CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq, COMMUTATOR = ===);
    CREATE TYPE celsius AS (degrees float8);
    CREATE FUNCTION to_celsius(float8) RETURNS celsius LANGUAGE sql IMMUTABLE AS 'SELECT ROW($1)::public.celsius';
    CREATE CAST (float8 AS celsius) WITH FUNCTION to_celsius(float8) AS ASSIGNMENT;
    CREATE COLLATION case_blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    CREATE TABLE collated (name text COLLATE case_blind PRIMARY KEY);
    INSERT INTO collated VALUES ('Name');
    CREATE TEXT SEARCH CONFIGURATION own (COPY = english);
    CREATE TEXT SEARCH DICTIONARY own_simple (TEMPLATE = simple, ACCEPT = false);
    ALTER TEXT SEARCH CONFIGURATION own ALTER MAPPING FOR word WITH own_simple;
    CREATE OPERATOR CLASS backwards FOR TYPE int USING btree AS
      OPERATOR 1 >, OPERATOR 2 >=, OPERATOR 3 =, OPERATOR 4 <=, OPERATOR 5 <, FUNCTION 1 btint4cmp(int, int);
    CREATE FOREIGN DATA WRAPPER nothing;
    CREATE SERVER elsewhere FOREIGN DATA WRAPPER nothing OPTIONS (host 'a; ''b');
    CREATE USER MAPPING FOR PUBLIC SERVER elsewhere OPTIONS (user 'nobody');
    CREATE FOREIGN TABLE remote (id int OPTIONS (name 'x')) SERVER elsewhere;
    CREATE CONVERSION own_conversion FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
    `,
  );
  await expectFaithfulMigration(databases);
});
