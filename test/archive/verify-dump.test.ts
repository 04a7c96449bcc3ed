import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { restore, verifyDump } from '../../src/index.js';
import { makeReadings } from '../bad-input/readings.js';
import { hyperferry } from '../cli/command-line.js';
import type { Databases } from '../integration/databases.js';
import { apachePair } from '../integration/servers.js';
import { query, withClient } from '../integration/sql.js';
import { dumped, expectFailure, flipByte, temporaryFolder } from './dumped.js';

interface Restored extends Databases {
  readonly folder: string;
}

async function restored(name: string, options: Parameters<typeof dumped>[1] = {}): Promise<Restored> {
  const databases = await makeReadings(
    await apachePair(),
    name,
    "CREATE SEQUENCE number; SELECT nextval('number'); SELECT lo_from_bytea(4711, 'a large object');",
  );
  const folder = await dumped(databases, options);
  await restore({ from: folder, target: databases.target, jobs: 2 });
  return { ...databases, folder };
}

test('a database is equal to the dump that it was restored from, by the library and the command line', async () => {
  const { folder, target } = await restored('equal_to_dump');
  const verification = await verifyDump({ source: folder, target });
  expect(verification).toMatchObject({
    equal: true,
    mode: 'checksums',
    source: expect.stringMatching(new RegExp(`^${folder}, a dump of postgres@.*/equal_to_dump$`)),
    rows: { source: 79, target: 79 },
    relations: { different: [] },
    objects: { different: [] },
  });
  expect(verification.objects.compared).toBeGreaterThan(50);

  const { exitCode, stdout, stderr } = await hyperferry([
    'verify',
    '--json',
    '--source',
    folder,
    '--target',
    target,
  ]);
  expect(exitCode, stderr).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    equal: true,
    mode: 'checksums',
    rows: { source: 79, target: 79 },
  });
  expect(stderr).toMatch(/^Equal$/m);
});

test('the dump may be named by the environment, and a plain one serves as well', async () => {
  const { target, ...databases } = await restored('equal_to_plain');
  const folder = await dumped({ target, ...databases }, { format: 'plain' });
  const { exitCode, stderr } = await hyperferry(['verify'], { SOURCE: folder, TARGET: target });
  expect(exitCode, stderr).toBe(0);
  expect(stderr).toMatch(/^Equal$/m);
});

test('what differs is named: values, numbers of rows, tables, definitions, sequences, large objects', async () => {
  const { folder, target } = await restored('other_than_dump');
  await query(
    target,
    `UPDATE device SET name = 'another' WHERE id = 3;
     DELETE FROM reading WHERE at < '2026-01-01 05:00+00';
     CREATE TABLE more (a int);
     ALTER TABLE device ALTER name SET DEFAULT 'nobody';
     SELECT nextval('number');
     SELECT lo_put(4711, 0, 'B');`,
  );
  const { equal, relations, objects } = await verifyDump({ source: folder, target });
  expect(equal).toBe(false);
  expect(relations.different.toSorted((a, b) => a.relation.localeCompare(b.relation))).toEqual([
    expect.objectContaining({
      relation: '_timescaledb_internal._hyper_1_1_chunk',
      state: 'different',
      source: expect.objectContaining({ rows: 24 }),
      target: expect.objectContaining({ rows: 19 }),
    }),
    expect.objectContaining({
      relation: 'public.device',
      source: expect.objectContaining({ rows: 7 }),
      target: expect.objectContaining({ rows: 7 }),
    }),
    { relation: 'public.more', state: 'missing on source', targetRows: 0 },
  ]);
  const areas = objects.different.map(({ area, object }) => `${area} ${object}`);
  expect(areas).toEqual(
    expect.arrayContaining(['definition public.device', 'sequence public.number', 'large object 4711']),
  );
  const { exitCode, stderr } = await hyperferry(['verify', '--source', folder, '--target', target]);
  expect(exitCode).toBe(4);
  expect(stderr).toMatch(/public\.device: 7 rows on both sides, with other values/);
});

test('--mode counts and --tables compare less', async () => {
  const { folder, target } = await restored('less_of_dump');
  await query(target, `UPDATE device SET name = 'another' WHERE id = 3`);
  expect(await verifyDump({ source: folder, target, mode: 'counts' })).toMatchObject({
    equal: true,
    mode: 'counts',
  });
  expect(await verifyDump({ source: folder, target, tables: 'reading' })).toMatchObject({
    equal: true,
    mode: 'checksums',
    rows: { source: 72, target: 72 },
    objects: { compared: 0 },
  });
  expect(await verifyDump({ source: folder, target, tables: 'dev*' })).toMatchObject({ equal: false });
});

test('a dump that only counted rows is compared by them, and the result says so', async () => {
  const { folder, target } = await restored('counted_in_dump', { verify: 'counts' });
  await query(target, `UPDATE device SET name = 'another' WHERE id = 3`);
  expect(await verifyDump({ source: folder, target, mode: 'checksums' })).toMatchObject({
    equal: true,
    mode: 'counts',
  });
  await query(target, 'DELETE FROM device WHERE id = 3');
  expect(await verifyDump({ source: folder, target })).toMatchObject({ equal: false, mode: 'counts' });
});

test('the target is read as of one moment, whatever is written to it meanwhile', async () => {
  const { folder, target } = await restored('moving_target');
  await withClient(target, async (client) => {
    let writing: Promise<unknown> | undefined;
    const verification = await verifyDump({
      source: folder,
      target,
      onEvent: ({ type }) => {
        if (type === 'verify-planned')
          writing = client.query('INSERT INTO device SELECT 8; DELETE FROM reading');
      },
    });
    await writing;
    expect(verification.equal).toBe(true);
  });
});

test('what only a database can be asked is a usage error that says why', async () => {
  const { target, ...databases } = await makeReadings(await apachePair(), 'asked_of_dump');
  const folder = await dumped({ target, ...databases });
  for (const flags of [['--logical'], ['--since', '2026-01-01'], ['--until', '2026-01-02']]) {
    const { exitCode, stdout, stderr } = await hyperferry([
      'verify',
      '--source',
      folder,
      '--target',
      target,
      ...flags,
    ]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(`expected a database as the source for ${flags[0]}, but ${folder} is a dump`);
    expect(stderr).toMatch(/hint: .*restore the dump/);
  }
});

test('a source that is neither a database nor there is told to be neither, and is not shown', async () => {
  const { exitCode, stderr } = await hyperferry(['verify', '--source', 'tsdb.dmp', '--target', 'dbname=x']);
  expect(exitCode).toBe(2);
  expect(stderr).toContain('expected --source to name a database or a dump, but it is no connection string');
  expect(stderr).toMatch(/hint: .*a dump by its path/);
  expect(stderr).not.toContain('tsdb.dmp');
});

test('a record that is damaged or missing is no standard, and neither is what is no dump', async () => {
  const { target, ...databases } = await makeReadings(await apachePair(), 'no_standard');
  const folder = await dumped({ target, ...databases });
  const expectNone = (source: string, says: string | RegExp) =>
    expectFailure(verifyDump({ source, target }), { code: 'ARCHIVE', says: [says], advises: /./ });
  await flipByte(join(folder, 'record.json.gz'));
  await expectNone(folder, 'record.json.gz has another content');
  await rm(join(folder, 'record.json.gz'));
  await expectNone(folder, 'record.json.gz is missing');
  await expectNone(await temporaryFolder(), /neither manifest\.json .* nor toc\.dat/);
  await expectNone(join(await temporaryFolder(), 'nothing'), 'there is no such file or folder');
});
