/** A database with an object of many kinds, with names that need quotes, owners, grants and comments. */
export const OBJECTS_OF_MANY_KINDS = `
CREATE EXTENSION timescaledb;
CREATE EXTENSION hstore;
CREATE SCHEMA "odd ""schema""; --";
CREATE SCHEMA app;
CREATE TYPE app.mood AS ENUM ('sad', 'glad');
CREATE TYPE app.pair AS (a int, b text);
CREATE DOMAIN app.positive AS int CHECK (VALUE > 0);
CREATE TYPE app.span AS RANGE (subtype = float8);
CREATE COLLATION app.c FROM "C";
CREATE TABLE app.device (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text UNIQUE, mood app.mood, tags hstore,
  parent int REFERENCES app.device, CONSTRAINT named CHECK (name <> ''));
CREATE TABLE "odd ""schema""; --"."tab	le
with lines" ("col;umn" serial, device int REFERENCES app.device (id) ON DELETE CASCADE);
CREATE INDEX "in""dex" ON "odd ""schema""; --"."tab	le
with lines" ("col;umn") WHERE "col;umn" > 0;
CREATE TABLE app.reading (at timestamptz NOT NULL, device int REFERENCES app.device, value float8, PRIMARY KEY (at, device));
SELECT create_hypertable('app.reading', 'at', chunk_time_interval => interval '1 day');
INSERT INTO app.device (name) VALUES ('one');
INSERT INTO app.reading SELECT timestamptz '2026-01-01' + n * interval '1 day', 1, n FROM generate_series(1, 5) AS n;
CREATE TABLE app.alarm (at timestamptz, device int, FOREIGN KEY (at, device) REFERENCES app.reading);
CREATE TABLE app.part (a int, b text) PARTITION BY LIST (a);
CREATE TABLE app.part_1 PARTITION OF app.part FOR VALUES IN (1);
CREATE INDEX ON app.part (b);
ALTER TABLE app.part ADD UNIQUE (a, b);
CREATE TABLE app.parent (a int); CREATE TABLE app.child (b int) INHERITS (app.parent);
CREATE VIEW app.devices AS SELECT id, name FROM app.device;
CREATE MATERIALIZED VIEW app.counts AS SELECT device, count(*) FROM app.reading GROUP BY device;
CREATE UNIQUE INDEX ON app.counts (device);
CREATE FUNCTION app.twice(a int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2 * a';
CREATE INDEX by_twice ON app.device (app.twice(id));
CREATE PROCEDURE app.nothing() LANGUAGE plpgsql AS 'BEGIN END';
CREATE AGGREGATE app.total(int) (SFUNC = int4pl, STYPE = int, INITCOND = 0);
CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER touch BEFORE UPDATE ON app.device FOR EACH ROW EXECUTE FUNCTION app.touch();
CREATE RULE quiet AS ON DELETE TO app.alarm DO INSTEAD NOTHING;
ALTER TABLE app.device ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON app.device USING (name = current_user);
CREATE STATISTICS app.stats ON id, name FROM app.device;
CREATE SEQUENCE app.free START 5;
CREATE PUBLICATION app_publication FOR TABLE app.device;
CREATE TEXT SEARCH CONFIGURATION app.words (COPY = pg_catalog.simple);
CREATE OPERATOR app.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq);
CREATE FOREIGN DATA WRAPPER nowhere; CREATE SERVER far FOREIGN DATA WRAPPER nowhere;
CREATE FOREIGN TABLE app.distant (a int) SERVER far;
CREATE CAST (app.mood AS int) WITH INOUT;
CREATE FUNCTION app.watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER watch ON sql_drop EXECUTE FUNCTION app.watch();
COMMENT ON TABLE app.device IS 'a ''comment'' with
lines';
COMMENT ON INDEX app.by_twice IS 'on an index';
COMMENT ON CONSTRAINT named ON app.device IS 'on a constraint';
COMMENT ON CONSTRAINT reading_device_fkey ON app.reading IS 'on a foreign key';
COMMENT ON TRIGGER touch ON app.device IS 'on a trigger';
COMMENT ON EVENT TRIGGER watch IS 'on an event trigger';
COMMENT ON PUBLICATION app_publication IS 'on a publication';
COMMENT ON COLUMN app.counts.device IS 'on a column';
COMMENT ON SCHEMA app IS 'on a schema';
GRANT SELECT (name) ON app.device TO PUBLIC; GRANT USAGE ON SCHEMA app TO PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT ON TABLES TO PUBLIC;
SELECT lo_create(4711);
`;
