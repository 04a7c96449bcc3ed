import { mkdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { type InspectedArchive, type InspectedDump, inspect } from '../../src/index.js';
import { expectEventually } from '../bad-input/processes.js';
import { makeReadings } from '../bad-input/readings.js';
import { hyperferry, hyperferryInShell, startHyperferry } from '../cli/command-line.js';
import { type Databases, makeDatabases } from '../integration/databases.js';
import { apachePair, communityPair, hasCommunity } from '../integration/servers.js';
import { dumped, editManifest, expectFailure, fileOfRows, flipByte, temporaryFolder } from './dumped.js';

let made: Promise<Databases> | undefined;

function readings(): Promise<Databases> {
  made ??= apachePair().then((pair) =>
    makeReadings(
      pair,
      'inspected',
      `SELECT lo_from_bytea(0, 'a large object');
       CREATE TABLE sale (id int, on_day date) PARTITION BY RANGE (on_day);
       CREATE TABLE sale_2025 PARTITION OF sale FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
       INSERT INTO sale SELECT n, '2025-01-01' FROM generate_series(1, 5) AS n;`,
    ),
  );
  return made;
}

for (const format of ['archive', 'plain'] as const) {
  test(`a dump (${format}) says what is in it: where from, versions, hypertables, tables, roles, files`, async () => {
    const folder = await dumped(await readings(), { format });
    const dump = (await inspect({ from: folder })) as InspectedDump;
    expect(dump).toMatchObject({
      madeBy: 'hyperferry',
      path: folder,
      kind: format,
      source: {
        name: expect.stringMatching(/^postgres@127\.0\.0\.1:\d+\/inspected$/),
        database: 'inspected',
        encoding: 'UTF8',
        bytes: expect.any(Number),
      },
      timescale: { version: '2.19.3', schema: 'public' },
      extensions: expect.arrayContaining([expect.objectContaining({ name: 'timescaledb' })]),
      compression: { algorithm: format === 'plain' ? 'none' : 'gzip' },
      noted: 'checksums',
      hypertables: [{ schema: 'public', name: 'reading', chunks: 3, rows: 72, compressedBatches: 0 }],
      largeObjects: 1,
      rolePasswords: false,
      comparison: undefined,
    });
    expect(Math.floor(dump.source.serverVersion / 10_000)).toBe(17);
    expect(Date.now() - Date.parse(dump.takenAt)).toBeLessThan(600_000);
    const rows = Object.fromEntries(dump.tables.map((table) => [table.name, table.rows]));
    expect(rows).toEqual({ device: 7, sale_2025: 5 });
    expect(dump.roles).toEqual(expect.arrayContaining(['inspected_owner', 'postgres']));
    const sizes = dump.tables.map(({ bytes }) => bytes);
    expect(sizes).toEqual(format === 'plain' ? [null, null] : [expect.any(Number), expect.any(Number)]);
  });
}

test('a dump that only counted rows says so', async () => {
  const folder = await dumped(await readings(), { verify: 'counts' });
  expect(await inspect({ from: folder })).toMatchObject({ noted: 'counts' });
});

test.skipIf(!hasCommunity)(
  `compressed rows and continuous aggregates are told apart${hasCommunity ? '' : ' (skipped: needs the community edition)'}`,
  async () => {
    const databases = await makeReadings(
      await communityPair(),
      'inspected_compressed',
      `ALTER TABLE reading SET (timescaledb.compress, timescaledb.compress_segmentby = 'device');
       SELECT compress_chunk(c) FROM show_chunks('reading', older_than => timestamptz '2026-01-02 00:00+00') AS c;
       CREATE MATERIALIZED VIEW daily WITH (timescaledb.continuous) AS
         SELECT time_bucket('1 day', at) AS day, sum(value) FROM reading GROUP BY 1;`,
    );
    const dump = (await inspect({ from: await dumped(databases) })) as InspectedDump;
    expect(dump.continuousAggregates).toEqual(['public.daily']);
    expect(dump.hypertables.find(({ name }) => name === 'reading')).toMatchObject({
      chunks: 3,
      rows: 48,
      compressedBatches: 7,
    });
    expect(dump.tables.map(({ name }) => name)).toEqual(['device']);
  },
);

test('--verify finds a dump intact, and a file that does not belong to it', async () => {
  const folder = await dumped(await readings());
  await writeFile(join(folder, 'note.txt'), 'of mine');
  const planned: number[] = [];
  const compared: number[] = [];
  const dump = await inspect({
    from: folder,
    verify: true,
    onPlanned: (bytes) => planned.push(bytes),
    onCompared: (bytes) => compared.push(bytes),
  });
  const { files, comparison } = dump as InspectedDump;
  expect(comparison).toMatchObject({ intact: true, different: [], extra: ['note.txt'] });
  expect(compared).toHaveLength(files.count);
  expect(planned).toEqual([compared.reduce((sum, bytes) => sum + bytes, 0)]);
});

test('--verify names everything that is wrong, and what is in the way', async () => {
  const folder = await dumped(await readings());
  const [flipped, short, missing] = [
    await fileOfRows(folder, 'device'),
    await fileOfRows(folder, '_hyper_1_1_chunk'),
    'database.sql',
  ];
  const inTheWay = (await fileOfRows(folder, 'sale_2025')).replace(/\.gz$/, '');
  await flipByte(join(folder, flipped));
  await truncate(join(folder, short), 7);
  await rm(join(folder, missing));
  await writeFile(join(folder, inTheWay), '');
  const { comparison } = (await inspect({ from: folder, verify: true })) as InspectedDump;
  expect(comparison?.intact).toBe(false);
  const states = Object.fromEntries(comparison?.different.map(({ name, state }) => [name, state]) ?? []);
  expect(states).toEqual({
    [flipped]: 'other content',
    [short]: 'other size',
    [missing]: 'missing',
    [inTheWay]: 'in the way',
  });

  const { exitCode, stdout } = await hyperferry(['inspect', folder, '--verify']);
  expect(exitCode).toBe(4);
  expect(stdout).toContain(`${flipped}: has another content (SHA-256)`);
  expect(stdout).toMatch(new RegExp(`${short}: has 7 bytes instead of \\d+`));
  expect(stdout).toContain(`${missing}: is missing`);
  expect(stdout).toContain(
    `${inTheWay}: is none of the dump's, and would be read in place of ${inTheWay}.gz`,
  );
  expect(stdout).toMatch(/^Damaged: 4 of \d+ files/m);
});

test('--verify hashes large files in processes of their own, to the same end', async () => {
  const folder = await dumped(await readings());
  // A hole of 100 MB each, which takes no room on the disk.
  const large = ['one.dat', 'other.dat'];
  for (const name of large) {
    await writeFile(join(folder, name), '');
    await truncate(join(folder, name), 100 * 1024 ** 2);
  }
  const { stdout } = await execa('sha256sum', [join(folder, 'one.dat')]);
  const sha256 = stdout.slice(0, 64);
  await editManifest(folder, ({ files }) => {
    for (const name of large) files.push({ name, bytes: 100 * 1024 ** 2, sha256 });
  });
  const verify = async () =>
    ((await inspect({ from: folder, verify: true, jobs: 2 })) as InspectedDump).comparison;
  expect(await verify()).toMatchObject({ intact: true, different: [], extra: [] });
  await writeFile(join(folder, 'other.dat'), 'x', { flag: 'r+' });
  expect((await verify())?.different).toMatchObject([{ name: 'other.dat', state: 'other content' }]);
});

test('--json prints one document on stdout, and nothing else', async () => {
  const folder = await dumped(await readings());
  const { exitCode, stdout, stderr } = await hyperferry(['inspect', folder, '--verify', '--json']);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(JSON.parse(stdout)).toMatchObject({
    madeBy: 'hyperferry',
    hypertables: [{ name: 'reading' }],
    comparison: { intact: true },
  });
});

test('what nobody reads to its end is no failure, and what cannot be written is one, in a line', async () => {
  const folder = await dumped(await readings());
  const unread = await hyperferryInShell(['inspect', folder, '--json'], '| true');
  expect(unread).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  const full = await hyperferryInShell(['inspect', folder], '> /dev/full');
  expect(full).toMatchObject({ exitCode: 1, stdout: '' });
  expect(full.stderr).toMatch(/^error: stdout cannot be written: ENOSPC[^\n]*$/);
});

test('Ctrl-C ends --verify, as it ends everything', async () => {
  const folder = await dumped(await readings());
  // A hole of 100 GB, which takes no room on the disk.
  await writeFile(join(folder, 'hole.dat'), '');
  await truncate(join(folder, 'hole.dat'), 100 * 1024 ** 3);
  await editManifest(folder, ({ files }) => {
    files.push({ name: 'hole.dat', bytes: 100 * 1024 ** 3, sha256: '0'.repeat(64) });
  });
  const run = startHyperferry(['inspect', folder, '--verify']);
  const hashes = async () =>
    (await execa('pgrep', ['-P', String(run.pid), '-f', 'hash-process'], { reject: false })).exitCode === 0;
  await expectEventually(hashes, true, 'it hashes files');
  run.kill('SIGINT');
  const { exitCode, stdout, stderr } = await run;
  expect({ exitCode, stdout }, stderr).toEqual({ exitCode: 130, stdout: '' });
  expect(stderr).toMatch(/^error: interrupted$/m);
});

test('names that move a terminal or break a line are shown as they would be written', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'inspected_names',
    'CREATE TABLE "two\nlines \u001b[31m; \u007f" (a int);',
  );
  const { stdout } = await hyperferry(['inspect', await dumped(databases)]);
  expect(stdout).toContain('public.two\\nlines \\u001b[31m; \\u007f: 0 rows');
});

for (const format of ['directory', 'custom'] as const) {
  test(`an archive of pg_dump (${format}) says what is in it, and that it has no manifest`, async () => {
    const { source, programs } = await readings();
    const path = join(await temporaryFolder(), 'stock');
    await execa(join(programs, 'pg_dump'), ['--format', format, '-f', path, '-d', source]);
    const archive = (await inspect({ from: path })) as InspectedArchive;
    expect(archive).toMatchObject({
      madeBy: 'pg_dump',
      format,
      compression: { algorithm: 'gzip' },
      database: 'inspected',
      serverVersion: expect.stringMatching(/^17\./),
      programVersion: expect.stringMatching(/^17\./),
      extensions: [{ name: 'timescaledb', schema: 'public' }],
      hasLargeObjects: true,
      files: { count: expect.any(Number), bytes: expect.any(Number) },
    });
    expect(archive.writtenAt).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
    expect(archive.tables.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['device', 'sale_2025', '_hyper_1_1_chunk']),
    );
    expect(archive.extensionTables).toBeGreaterThan(5);
    await expectFailure(inspect({ from: path, verify: true }), {
      code: 'ARCHIVE',
      says: [`expected manifest.json in ${path}, but it is an archive of pg_dump, which has none`],
      advises: /hyperferry dump/,
    });
  });
}

test('what is no dump ends with 1, and says what was expected', async () => {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'empty'));
  await writeFile(join(folder, 'letter.txt'), 'Dear Ann,');
  await writeFile(join(folder, 'manifest.json'), '{}');
  for (const [name, says] of [
    ['empty', /neither manifest\.json .* nor toc\.dat/],
    ['letter.txt', /does not begin with PGDMP/],
    ['manifest.json', /expected the folder of a dump, but .*manifest\.json is a file in one/],
    ['nothing', /there is no such file or folder/],
  ] as const) {
    const { exitCode, stdout, stderr } = await hyperferry(['inspect', join(folder, name)]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toMatch(says);
    expect(stderr).toMatch(/^ {2}hint: /m);
  }
});

test('a dump can be looked into whose record is lost', async () => {
  const folder = await dumped(await readings());
  await rm(join(folder, 'record.json.gz'));
  expect(await inspect({ from: folder })).toMatchObject({ hypertables: [{ name: 'reading', rows: 72 }] });
});
