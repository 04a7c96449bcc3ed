/**
 * A database as it grows on a server of one's own: made by the superuser, with several owners, grants of many kinds,
 * and things that only a superuser can make.
 *
 * @param p the beginning of the names of its roles
 */
export function tradingCompany(p: string, version: string): string {
  return `
CREATE EXTENSION timescaledb VERSION '${version}';
CREATE EXTENSION hstore;
CREATE ROLE ${p}_app LOGIN CREATEDB;
CREATE ROLE ${p}_admin LOGIN SUPERUSER REPLICATION BYPASSRLS CREATEROLE;
CREATE ROLE ${p}_group;
CREATE ROLE "${p} re;ader" LOGIN;
GRANT ${p}_group TO ${p}_app WITH ADMIN OPTION;
GRANT ${p}_group TO "${p} re;ader" GRANTED BY ${p}_app;
GRANT pg_read_all_data TO "${p} re;ader";
ALTER ROLE ${p}_app SET work_mem = '5MB';
COMMENT ON ROLE ${p}_group IS 'all who trade';

CREATE TABLE reading (at timestamptz NOT NULL, device int, value float8);
SELECT create_hypertable('reading', 'at', chunk_time_interval => interval '1 day');
INSERT INTO reading SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 hour', i % 3, i FROM generate_series(0, 99) i;
ALTER TABLE reading SET (timescaledb.compress, timescaledb.compress_segmentby = 'device');
SELECT compress_chunk(c) FROM show_chunks('reading', older_than => '2026-01-03'::timestamptz) AS c;
CREATE MATERIALIZED VIEW daily WITH (timescaledb.continuous) AS
  SELECT time_bucket('1 day', at) AS day, device, sum(value) FROM reading GROUP BY 1, 2 WITH NO DATA;
CALL refresh_continuous_aggregate('daily', NULL, NULL);
SELECT add_retention_policy('reading', interval '100 years', initial_start => '2100-01-01 00:00+00');
SELECT add_continuous_aggregate_policy('daily', NULL, interval '1 hour', interval '1 month', initial_start => '2100-01-01 00:00+00');
GRANT SELECT ON reading, daily TO "${p} re;ader";

CREATE SCHEMA trade AUTHORIZATION ${p}_app;
GRANT USAGE ON SCHEMA trade TO ${p}_group WITH GRANT OPTION;
SET ROLE ${p}_app;
CREATE TYPE trade.side AS ENUM ('buy', 'sell');
CREATE TABLE trade.deal (at timestamptz NOT NULL, id int GENERATED ALWAYS AS IDENTITY, side trade.side, price numeric);
SELECT public.create_hypertable('trade.deal', 'at');
INSERT INTO trade.deal (at, side, price) SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 day', 'buy', i FROM generate_series(0, 29) i;
SELECT public.add_retention_policy('trade.deal', interval '100 years', initial_start => '2100-01-01 00:00+00');
CREATE VIEW trade.recent AS SELECT * FROM trade.deal WHERE at > '2026-01-15';
CREATE TABLE trade.side_name (side trade.side, name text);
INSERT INTO trade.side_name VALUES ('buy', 'bought'), ('sell', 'sold');
CREATE MATERIALIZED VIEW trade.total AS SELECT count(*) FROM trade.side_name;
CREATE FUNCTION trade.fee(numeric) RETURNS numeric LANGUAGE sql SECURITY DEFINER SET search_path = trade AS 'SELECT $1 / 100';
REVOKE ALL ON FUNCTION trade.fee(numeric) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION trade.fee(numeric) TO ${p}_group;
CREATE PROCEDURE trade.settle(job_id int, config jsonb) LANGUAGE plpgsql AS 'BEGIN END';
GRANT SELECT ON trade.deal TO ${p}_group WITH GRANT OPTION;
ALTER DEFAULT PRIVILEGES FOR ROLE ${p}_app IN SCHEMA trade GRANT SELECT ON TABLES TO "${p} re;ader";
SET ROLE ${p}_group;
GRANT SELECT ON trade.deal TO "${p} re;ader";
SET ROLE ${p}_admin;
SELECT add_job('trade.settle', '1 day', initial_start => '2100-01-01 00:00+00', config => '{"by": "admin"}');
RESET ROLE;

CREATE TABLE account (id int PRIMARY KEY, holder text, more hstore);
INSERT INTO account VALUES (1, 'Ada', 'a=>b'), (2, '${p}_app', NULL);
ALTER TABLE account OWNER TO ${p}_group;
GRANT SELECT (id), UPDATE (holder) ON account TO ${p}_app;
ALTER TABLE account ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_alone ON account TO "${p} re;ader" USING (holder = current_user);
CREATE SEQUENCE ticket START 41;
SELECT nextval('ticket');
ALTER SEQUENCE ticket OWNER TO ${p}_app;
SELECT lo_from_bytea(4711, 'a contract'), lo_from_bytea(4712, 'another');
ALTER LARGE OBJECT 4711 OWNER TO ${p}_app;
GRANT SELECT ON LARGE OBJECT 4712 TO ${p}_group;

CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER watcher ON ddl_command_end EXECUTE FUNCTION watch();
CREATE PUBLICATION everything FOR ALL TABLES;
CREATE PUBLICATION accounts FOR TABLE account;
SELECT format('ALTER DATABASE %I SET statement_timeout = ''5min''', current_database()) \\gexec
SELECT format('ALTER DATABASE %I SET log_min_messages = warning', current_database()) \\gexec
SELECT format('GRANT CREATE, TEMPORARY ON DATABASE %I TO ${p}_app', current_database()) \\gexec
SELECT format('COMMENT ON DATABASE %I IS ''trades''', current_database()) \\gexec
`;
}
