import { type Databases, makeDatabases } from '../integration/databases.js';
import type { Pair } from '../integration/servers.js';

/** A hypertable of three chunks, a plain table, and a role that owns it, named after the database. */
export function readingsOf(name: string): string {
  return `
CREATE EXTENSION timescaledb;
CREATE ROLE ${name}_owner;
CREATE TABLE reading (at timestamptz NOT NULL, device int, value float8);
SELECT create_hypertable('reading', 'at', chunk_time_interval => interval '1 day');
INSERT INTO reading SELECT timestamptz '2026-01-01 00:00+00' + n * interval '1 hour', n % 7, n FROM generate_series(0, 71) AS n;
CREATE TABLE device (id int PRIMARY KEY, name text);
ALTER TABLE device OWNER TO ${name}_owner;
INSERT INTO device SELECT n, 'device ' || n FROM generate_series(0, 6) AS n;
`;
}

/** A source with readings, and an empty target. */
export function makeReadings(pair: Pair, name: string, script = ''): Promise<Databases> {
  return makeDatabases(pair, name, readingsOf(name) + script);
}

/** The same server with another database, user, password or port. */
export function altered(
  url: string,
  change: Partial<Record<'pathname' | 'username' | 'password' | 'port' | 'hostname', string>>,
): string {
  return Object.assign(new URL(url), change).href;
}
