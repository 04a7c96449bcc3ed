import { expect, test } from 'vitest';
import { restore } from '../../src/index.js';
import { expectEqualDatabases } from '../integration/compare/databases.js';
import { makeDatabaseBeside, makeDatabases } from '../integration/databases.js';
import { leftOutButRoles } from '../integration/ferry.js';
import { apachePair } from '../integration/servers.js';
import { hasProgram } from './by-readme.js';
import { dumped, dumpedByPgDump } from './dumped.js';

/** A table and a large object of more than one piece, some that are small, and some that are empty. */
const CONTENT = `
CREATE EXTENSION timescaledb;
CREATE TABLE reading (at timestamptz NOT NULL, device int, value float8);
SELECT create_hypertable('reading', 'at', chunk_time_interval => interval '1 day');
INSERT INTO reading SELECT timestamptz '2026-01-01 00:00+00' + n * interval '1 hour', n % 7, n FROM generate_series(0, 71) AS n;
CREATE TABLE document (id int PRIMARY KEY, body text);
INSERT INTO document SELECT n, repeat(md5(n::text), 20) FROM generate_series(1, 5000) AS n;
CREATE TABLE empty (id int PRIMARY KEY);
SELECT lo_from_bytea(1234, convert_to(repeat('content ', 700000), 'UTF8')), lo_create(1235);
`;

for (const algorithm of ['lz4', 'zstd'] as const) {
  const isThere = hasProgram(algorithm);
  const why = isThere ? '' : ` (skipped: no program ${algorithm})`;
  test.skipIf(!isThere)(
    `archives that ${algorithm} has compressed, for Hyperferry and for pg_dump, are restored, and end equal${why}`,
    async () => {
      const databases = await makeDatabases(await apachePair(), `compressed_by_${algorithm}`, CONTENT);
      let { target } = databases;
      for (const make of [
        () => dumped(databases, { compression: { algorithm, level: 3 } }),
        () => dumpedByPgDump(databases, '-Fd', '-Z', algorithm),
        () => dumpedByPgDump(databases, '-Fc', '-Z', `${algorithm}:3`),
      ]) {
        const outcome = await restore({ from: await make(), target, jobs: 2 });
        expect(leftOutButRoles(outcome)).toEqual([]);
        await expectEqualDatabases(databases.source, target, databases.programs);
        target = await makeDatabaseBeside(target);
      }
    },
  );
}
