import { parseConnection } from '../postgres/connection-string.js';
import { quoteIdentifier } from '../postgres/quoting.js';
import { Session } from '../postgres/session.js';

/** Plain tables that the others refer to. */
const MAKE_PLACES = `
CREATE TYPE sensor_kind AS ENUM ('temperature', 'humidity', 'pressure', 'noise', 'light');
CREATE TABLE site (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE sensor (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  site_id int NOT NULL REFERENCES site,
  kind sensor_kind NOT NULL,
  UNIQUE (site_id, kind)
);
INSERT INTO site (name) SELECT 'Site ' || n FROM generate_series(1, 20) AS n;
INSERT INTO sensor (site_id, kind)
SELECT site.id, kind FROM site, unnest(enum_range(NULL::sensor_kind)) AS kind ORDER BY site.id, kind;`;

/** A hypertable of one dimension, time: a chunk a day. A key made before the rows would be checked row by row. */
const MAKE_READINGS = `
CREATE TABLE reading (
  time timestamptz NOT NULL,
  sensor_id int NOT NULL,
  value double precision NOT NULL,
  PRIMARY KEY (sensor_id, time)
);
SELECT create_hypertable('reading', by_range('time', interval '1 day'));
INSERT INTO reading (time, sensor_id, value)
SELECT time, sensor.id, 20 + 10 * sin(extract(epoch FROM time) / 13751 + sensor.id)
FROM generate_series(timestamptz '2025-01-01 00:00Z', '2025-01-21 23:55Z', '5 minutes') AS time, sensor;
ALTER TABLE reading ADD FOREIGN KEY (sensor_id) REFERENCES sensor;`;

/** A hypertable of two dimensions: a week of time, and the hash of the vehicle. */
const MAKE_POSITIONS = `
CREATE TABLE vehicle_position (
  time timestamptz NOT NULL,
  vehicle text NOT NULL,
  latitude double precision NOT NULL,
  longitude double precision NOT NULL
);
SELECT create_hypertable('vehicle_position', by_range('time', interval '7 days'));
SELECT add_dimension('vehicle_position', by_hash('vehicle', 4));
CREATE INDEX ON vehicle_position (vehicle, time DESC);
INSERT INTO vehicle_position (time, vehicle, latitude, longitude)
SELECT time, 'Vehicle ' || n,
       52 + sin(extract(epoch FROM time) / 7919 + n) / 5, 13 + cos(extract(epoch FROM time) / 7919 + n) / 3
FROM generate_series(timestamptz '2025-01-01 00:00Z', '2025-01-21 23:55Z', '5 minutes') AS time,
     generate_series(1, 50) AS n;`;

/** A hypertable whose time is an integer. */
const MAKE_CYCLES = `
CREATE TABLE machine_cycle (
  cycle bigint NOT NULL,
  machine int NOT NULL,
  seconds numeric(8, 3) NOT NULL CHECK (seconds > 0),
  PRIMARY KEY (machine, cycle)
);
SELECT create_hypertable('machine_cycle', by_range('cycle', 2000));
INSERT INTO machine_cycle (cycle, machine, seconds)
SELECT cycle, machine, 30 + (cycle * machine % 997) / 1000.0
FROM generate_series(1, 10) AS machine, generate_series(1, 10000) AS cycle;`;

/** What is made of a hypertable's rows. */
const MAKE_DERIVED = `
CREATE TABLE alert (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  sensor_id int NOT NULL REFERENCES sensor,
  time timestamptz NOT NULL
);
INSERT INTO alert (sensor_id, time) SELECT sensor_id, time FROM reading WHERE value > 29.999 ORDER BY time, sensor_id;
CREATE MATERIALIZED VIEW daily_average AS
SELECT time_bucket('1 day', time) AS day, sensor_id, avg(value) AS value FROM reading GROUP BY 1, 2;`;

/**
 * Makes a database on a server, in place of one that has its name, and fills it with three hypertables, plain tables
 * that refer to each other, and a materialized view: about a million rows, the same every time.
 * @param url of any other database of the server
 * @returns the new database's URL
 */
export async function makeSampleDatabase(url: string, name: string): Promise<string> {
  const database = await makeEmptyDatabase(url, name);
  const session = await Session.open('source', parseConnection(database), { bare: true });
  try {
    await session.query('CREATE EXTENSION timescaledb');
    for (const script of [MAKE_PLACES, MAKE_READINGS, MAKE_POSITIONS, MAKE_CYCLES, MAKE_DERIVED]) {
      await session.query(script);
    }
  } finally {
    await session.close();
  }
  return database;
}

/** Makes an empty database in place of one that has its name, and returns its URL. */
export async function makeEmptyDatabase(url: string, name: string): Promise<string> {
  const session = await Session.open('target', parseConnection(url));
  try {
    await session.query(`DROP DATABASE IF EXISTS ${quoteIdentifier(name)} WITH (FORCE)`);
    await session.query(`CREATE DATABASE ${quoteIdentifier(name)} TEMPLATE template0`);
  } finally {
    await session.close();
  }
  const database = new URL(url);
  database.pathname = `/${name}`;
  return database.href;
}
