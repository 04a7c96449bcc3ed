import { appendFile, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { inspect } from '../../src/index.js';
import { makeReadings } from '../bad-input/readings.js';
import { type Databases, makeDatabases } from '../integration/databases.js';
import { apachePair } from '../integration/servers.js';
import { dumpedByPgDump, expectFailure, expectRefusal, temporaryFolder } from './dumped.js';

let made: Promise<Databases> | undefined;

/** The databases of all; nobody may change them. */
function readings(): Promise<Databases> {
  made ??= apachePair().then((pair) =>
    makeReadings(pair, 'stock_refusals', "SELECT lo_from_bytea(0, 'a large object');"),
  );
  return made;
}

for (const flags of [
  ['-Fc', '-a'],
  ['-Fd', '-a'],
  ['-Fc', '--section=data'],
]) {
  test(`an archive of rows alone (pg_dump ${flags.join(' ')}) is refused before anything is changed`, async () => {
    const databases = await readings();
    const from = await dumpedByPgDump(databases, ...flags);
    const failure = {
      code: 'ARCHIVE',
      says: ['expected the definitions of', 'public.device', 'the archive has their rows alone'],
      advises: /without --data-only \(-a\).*pg_restore --data-only/,
    } as const;
    await expectRefusal(databases, from, failure);
    await expectRefusal(databases, from, failure, { dataOnly: true });
    const { tables } = await inspect({ from });
    expect(tables.map(({ name }) => name)).toContain('device');
  });
}

test('an archive of rows alone without TimescaleDB is refused as well', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'stock_rows_alone',
    'CREATE TABLE am (a serial); INSERT INTO am DEFAULT VALUES;',
  );
  await expectRefusal(databases, await dumpedByPgDump(databases, '-Fc', '-a'), {
    code: 'ARCHIVE',
    says: ['expected the definitions of public.am in'],
    advises: /without --data-only/,
  });
});

for (const [what, lost] of [
  ["a table's rows", /^\d+\.dat\.gz$/],
  ['the list of large objects', /^blobs_\d+\.toc$/],
  ['a large object', /^blob_\d+\.dat\.gz$/],
] as const) {
  test(`a folder without the file of ${what} is refused before anything is changed`, async () => {
    const databases = await readings();
    const from = await dumpedByPgDump(databases, '-Fd');
    const file = (await readdir(from)).findLast((name) => lost.test(name)) ?? '';
    await rm(join(from, file));
    await expectRefusal(databases, from, {
      code: 'ARCHIVE',
      says: [`${join(from, file.replace('.gz', ''))} cannot be read: there is no such file`],
      advises: /dump again/,
    });
  });
}

for (const [what, kept] of [
  ['before its last data begin', (bytes: number) => bytes - 600],
  ['in the middle of its last data', (bytes: number) => bytes - 20],
] as const) {
  test(`an archive that ends ${what} is refused before anything is changed`, async () => {
    const databases = await readings();
    const from = await dumpedByPgDump(databases, '-Fc');
    const bytes = kept((await stat(from)).size);
    await truncate(from, bytes);
    await expectRefusal(databases, from, {
      code: 'ARCHIVE',
      says: [`${from} cannot be read: it ends at byte ${bytes}, before its data do`],
      advises: /Compare the size/,
    });
  });
}

test('rows that are SQL are refused before anything is changed, and the way out is named', async () => {
  const databases = await makeDatabases(
    await apachePair(),
    'stock_inserts',
    'CREATE TABLE a (n int); INSERT INTO a VALUES (1)',
  );
  await expectRefusal(databases, await dumpedByPgDump(databases, '-Fc', '--inserts'), {
    code: 'ARCHIVE',
    says: ['the rows of public.a in'],
    advises: 'without --inserts',
  });
});

test('rows that are SQL are refused of a database with TimescaleDB, too', async () => {
  const databases = await readings();
  await expectRefusal(databases, await dumpedByPgDump(databases, '-Fd', '--inserts'), {
    code: 'ARCHIVE',
    says: [/the rows of \S+ in .* are SQL/],
    advises: 'without --inserts',
  });
});

for (const [flags, says, advises] of [
  [['-Ft'], 'but it is a tar archive (-Ft)', /with pg_restore.*-Fd or -Fc/],
  [['-Fp'], 'but it is plain SQL', /with psql.*-Fd or -Fc/],
  [['-Fp', '--create', '--clean'], 'but it is plain SQL', /with psql.*-Fd or -Fc/],
] as const) {
  test(`what pg_dump ${flags.join(' ')} writes is refused, and what restores it is named`, async () => {
    const databases = await readings();
    const from = await dumpedByPgDump(databases, ...flags);
    const failure = {
      code: 'ARCHIVE',
      says: [`expected an archive of pg_dump -Fd or -Fc in ${from}`, says],
      advises,
    } as const;
    await expectRefusal(databases, from, failure);
    await expectFailure(inspect({ from }), failure);
  });
}

for (const [what, format] of [
  ['plain SQL that was compressed', '-Fp'],
  ['an archive that was compressed as a whole', '-Fc'],
] as const) {
  test(`${what} is refused, and what to do about it is named`, async () => {
    const databases = await readings();
    const from = await dumpedByPgDump(databases, format);
    await execa('gzip', [from]);
    await expectRefusal(databases, `${from}.gz`, {
      code: 'ARCHIVE',
      says: [`-Fd or -Fc in ${from}.gz, but it is compressed as a whole, by gzip`],
      advises: 'Decompress it first (gunzip)',
    });
  });
}

test('a file of something else is refused as what it is', async () => {
  const from = join(await temporaryFolder(), 'passwd');
  await writeFile(from, 'root:x:0:0:root:/root:/bin/bash\n');
  await expectRefusal(await readings(), from, {
    code: 'ARCHIVE',
    says: [`in ${from}, but it is none: it does not begin with PGDMP`],
    advises: 'Name the file that pg_dump -Fc has written',
  });
});

test('the table of contents in the folder of an archive is refused, and the folder named', async () => {
  const databases = await readings();
  const folder = await dumpedByPgDump(databases, '-Fd');
  await expectRefusal(databases, join(folder, 'toc.dat'), {
    code: 'ARCHIVE',
    says: ['expected the folder of a dump'],
    advises: `Name the folder: ${folder}`,
  });
});

test('a pipe is refused as one', async () => {
  const from = join(await temporaryFolder(), 'pipe');
  await execa('mkfifo', [from]);
  await expectRefusal(await readings(), from, {
    code: 'ARCHIVE',
    says: [`in ${from}, but it is a pipe`],
    advises: 'Write the archive to a file',
  });
});

test('an archive with something behind its end is refused, and both ends are named', async () => {
  const databases = await readings();
  const from = await dumpedByPgDump(databases, '-Fc');
  const { size } = await stat(from);
  await appendFile(from, 'appended');
  await expectRefusal(databases, from, {
    code: 'ARCHIVE',
    says: [`its data end at byte ${size}, and something else stands behind them, up to byte ${size + 8}`],
    advises: 'Compare the size',
  });
});
