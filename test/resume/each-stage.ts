import { type Databases, makeDatabases } from '../integration/databases.js';
import { apachePair, communityPair, hasCommunity } from '../integration/servers.js';

/** A source that has something for each stage of a migration, and an empty target. */
export async function makeWorkForEachStage(name: string): Promise<Databases> {
  return makeDatabases(await (hasCommunity ? communityPair() : apachePair()), name, dataFor(name));
}

function dataFor(name: string): string {
  return `
CREATE EXTENSION timescaledb;
CREATE ROLE ${name}_owner;
CREATE TABLE device (id int PRIMARY KEY, name text);
INSERT INTO device SELECT n, 'device ' || n FROM generate_series(0, 6) AS n;
ALTER TABLE device OWNER TO ${name}_owner;
GRANT SELECT ON device TO PUBLIC;
CREATE TABLE reading (at timestamptz NOT NULL, device int REFERENCES device, value float8);
SELECT create_hypertable('reading', 'at', chunk_time_interval => interval '1 day');
INSERT INTO reading SELECT timestamptz '2026-01-01 00:00+00' + n * interval '1 hour', n % 7, n FROM generate_series(0, 71) AS n;
CREATE UNIQUE INDEX by_device ON reading (device, at);
CREATE TABLE remark (id serial PRIMARY KEY, device int, at timestamptz, remark text,
  FOREIGN KEY (device, at) REFERENCES reading (device, at));
INSERT INTO remark (device, at, remark) SELECT device, at, 'a remark' FROM reading LIMIT 5;
CREATE MATERIALIZED VIEW daily AS SELECT time_bucket('1 day', at) AS day, sum(value) FROM reading GROUP BY 1;
CREATE INDEX ON daily (day);
SELECT lo_from_bytea(4711, 'a large object');
CREATE FUNCTION note() RETURNS event_trigger LANGUAGE plpgsql AS
  $$ BEGIN RAISE NOTICE 'a definition has changed'; END $$;
CREATE EVENT TRIGGER notes ON ddl_command_end EXECUTE FUNCTION note();
COMMENT ON TABLE reading IS 'what the devices tell';
SELECT format('ALTER DATABASE %I SET work_mem = %L', current_database(), '5MB') \\gexec
${hasCommunity ? COMMUNITY : ''}`;
}

const COMMUNITY = `
CREATE TABLE old_reading (at timestamptz NOT NULL, device int, value float8);
SELECT create_hypertable('old_reading', 'at', chunk_time_interval => interval '1 day');
INSERT INTO old_reading SELECT at - interval '1 year', device, value FROM reading;
ALTER TABLE old_reading SET (timescaledb.compress, timescaledb.compress_segmentby = 'device');
SELECT compress_chunk(c) FROM show_chunks('old_reading', older_than => timestamptz '2025-01-02 00:00+00') AS c;
SELECT add_compression_policy('old_reading', interval '100 years');
SELECT add_retention_policy('reading', interval '100 years');
SELECT alter_job(job_id, next_start => now() + interval '10 minutes') FROM timescaledb_information.jobs WHERE job_id >= 1000;`;
