import { describe, expect, test } from 'vitest';
import { restore } from '../../src/index.js';
import { type Databases, makeDatabaseBeside, makeDatabases } from '../integration/databases.js';
import {
  apachePair,
  COMMUNITY_VERSIONS,
  communityPair,
  hasCommunity,
  startExtraServer,
} from '../integration/servers.js';
import { queryValue } from '../integration/sql.js';
import { dumpedByPgDump, expectRefusal } from './dumped.js';

const CONTENT = `
CREATE TABLE reading (at timestamptz NOT NULL, value float8);
SELECT create_hypertable('reading', 'at', chunk_time_interval => interval '1 day');
INSERT INTO reading SELECT timestamptz '2026-01-01 00:00+00' + n * interval '1 hour', n FROM generate_series(0, 71) AS n;
CREATE TABLE plain (id int PRIMARY KEY);
INSERT INTO plain VALUES (1);`;

let made: Promise<Databases> | undefined;

/** The databases of all that are refused; nobody may change them. */
function readings(): Promise<Databases> {
  made ??= apachePair().then((pair) =>
    makeDatabases(pair, 'stock_parts', `CREATE EXTENSION timescaledb; ${CONTENT}`),
  );
  return made;
}

// With the root alone: TimescaleDB 2.19 has a trigger on it, whose function nothing makes.
for (const flags of [['-n', 'public'], ['-t', 'reading'], ['--exclude-extension=timescaledb']]) {
  test(`an archive of a part (pg_dump ${flags.join(' ')}) is refused before anything is changed`, async () => {
    const databases = await readings();
    await expectRefusal(databases, await dumpedByPgDump(databases, '-Fc', ...flags), {
      code: 'ARCHIVE',
      says: [/^expected TimescaleDB in .* is a part of a database, without what .* needs?$/],
      advises: 'Dump the whole database',
    });
  });
}

for (const [flags, missing] of [
  [['-N', '_timescaledb_internal'], '_timescaledb_internal._hyper_1_1_chunk'],
  [['-T', '_timescaledb_internal.*'], '_timescaledb_internal._hyper_1_1_chunk'],
  [['-T', '_timescaledb_internal._hyper_1_2_chunk'], '_timescaledb_internal._hyper_1_2_chunk'],
  [['--exclude-table-and-children=reading'], 'public.reading, _timescaledb_internal._hyper_1_1_chunk'],
  [['-T', 'reading'], 'public.reading'],
] as const) {
  test(`an archive without all of a hypertable (pg_dump ${flags.join(' ')}) is refused before anything is changed`, async () => {
    const databases = await readings();
    await expectRefusal(databases, await dumpedByPgDump(databases, '-Fd', ...flags), {
      code: 'ARCHIVE',
      says: [`but the archive has no ${missing}`],
      advises: 'Dump the whole database',
    });
  });
}

test('an archive without extensions or without what comes behind the rows is restored, and told of before', async () => {
  const databases = await readings();
  const ofTable = await dumpedByPgDump(databases, '-Fc', '-t', 'plain');
  let target = await makeDatabaseBeside(databases.target);
  expect(await noticesOf(ofTable, target)).toMatch(
    /has no extensions: if it is of a part of a database \(pg_dump -n, -t\), it has no chunks/,
  );
  const sections = ['--section=pre-data', '--section=data'];
  target = await makeDatabaseBeside(target);
  const withoutKeys = await noticesOf(await dumpedByPgDump(databases, '-Fc', ...sections), target);
  expect(withoutKeys).toMatch(
    /has no indexes, constraints or triggers: if it was made without --section=post-data/,
  );
  expect(withoutKeys).not.toMatch(/no extensions/);
  target = await makeDatabaseBeside(target);
  const whole = await noticesOf(await dumpedByPgDump(databases, '-Fc'), target);
  expect(whole).not.toMatch(/has no/);
});

describe.skipIf(!hasCommunity).each(COMMUNITY_VERSIONS)('of TimescaleDB %s, community edition', (version) => {
  test('a part with a continuous aggregate is refused, and a whole whose chunks were dropped is not', async () => {
    const databases = await makeDatabases(
      await communityPair(),
      `stock_parts_${version.replaceAll('.', '_')}`,
      `CREATE EXTENSION timescaledb VERSION '${version}'; ${CONTENT}
       CREATE MATERIALIZED VIEW daily WITH (timescaledb.continuous) AS
         SELECT time_bucket('1 day', at) AS day, count(*) FROM reading GROUP BY 1;
       ALTER TABLE reading SET (timescaledb.compress);
       SELECT compress_chunk(c) FROM show_chunks('reading') AS c;
       SELECT drop_chunks('reading', older_than => '2026-01-02 00:00+00'::timestamptz);`,
    );
    await expectRefusal(databases, await dumpedByPgDump(databases, '-Fc', '-n', 'public'), {
      code: 'ARCHIVE',
      says: [/is a part of a database, without what .*public\.daily.* needs?$/],
      advises: 'Dump the whole database',
    });
    await restore({ from: await dumpedByPgDump(databases, '-Fc'), target: databases.target, jobs: 2 });
    expect(await queryValue(databases.target, 'SELECT count(*) FROM reading')).toBe('48');
  });
});

test('statistics that pg_dump 18 writes are left to ANALYZE, and refused alone', async () => {
  const { binFolder: programs } = await startExtraServer('programs-18', { postgres: 18 });
  const databases = {
    ...(await makeDatabases(
      await apachePair(),
      'stock_statistics',
      `CREATE TABLE plain (id int PRIMARY KEY); INSERT INTO plain SELECT generate_series(1, 100); ANALYZE;`,
    )),
    programs,
  };
  await expectRefusal(databases, await dumpedByPgDump(databases, '-Fc', '--statistics-only'), {
    code: 'ARCHIVE',
    says: [/the archive has their statistics alone$/],
    advises: '--statistics-only',
  });
  await restore({ from: await dumpedByPgDump(databases, '-Fc', '--statistics'), target: databases.target });
  const statistics = "SELECT n_distinct::text FROM pg_stats WHERE tablename = 'plain'";
  expect(await queryValue(databases.target, statistics)).toBe('-1');
});

/** What is told of a restore before it begins. */
async function noticesOf(from: string, target: string): Promise<string> {
  const notices: string[] = [];
  await restore({
    from,
    target,
    jobs: 2,
    onEvent: (event) => {
      if (event.type === 'notice') notices.push(event.message);
    },
  });
  return notices.join('\n');
}
