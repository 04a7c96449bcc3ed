import { mkdir, open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createDataFile } from '../../../src/postgres/archive/data-file.js';
import { openArchive } from '../../../src/postgres/archive/open-archive.js';
import { HyperferryError } from '../../../src/postgres/error.js';
import { type Databases, makeDatabases } from '../../integration/databases.js';
import { apachePair } from '../../integration/servers.js';
import {
  COMPRESSIONS,
  dataOf,
  dump,
  openDump,
  openFilesBelow,
  rowsOf,
  TABLES,
  temporaryFolder,
} from './dumps.js';

let made: Promise<Databases> | undefined;

function tables(): Promise<Databases> {
  made ??= apachePair().then((pair) => makeDatabases(pair, 'damaged', TABLES));
  return made;
}

const SUFFIXES = { none: '', gzip: '.gz', lz4: '.lz4', zstd: '.zst' };

test('a file in the folder that ends too early is named, wherever it ends', async () => {
  for (const algorithm of COMPRESSIONS) {
    const archive = await openDump(await tables(), 'directory', algorithm);
    const entry = dataOf(archive, 'wide');
    const file = join(archive.path, `${entry.dumpId}.dat${SUFFIXES[algorithm]}`);
    const whole = await readFile(file);
    for (const length of [whole.length - 1, whole.length - 30, Math.floor(whole.length / 2), 10, 1, 0]) {
      await truncate(file, length);
      await expectDamaged(() => rowsOf(archive, entry), file);
      await writeFile(file, whole);
    }
    expect((await rowsOf(archive, entry)).length).toBeGreaterThan(4_000_000);
    await rm(file);
    await expectDamaged(
      () => rowsOf(archive, entry),
      join(archive.path, `${entry.dumpId}.dat`),
      /there is no such file/,
    );
    await expect.poll(() => openFilesBelow(archive.path)).toEqual([]);
  }
});

test('a byte that is not what it was is found, in files that Hyperferry has compressed', async () => {
  const folder = await temporaryFolder();
  const archive = await openDump(await tables(), 'directory', 'none');
  const entry = dataOf(archive, 'wide');
  const rows = await rowsOf(archive, entry);
  for (const algorithm of ['gzip', 'lz4', 'zstd'] as const) {
    await mkdir(join(folder, algorithm));
    const written = createDataFile({
      folder: join(folder, algorithm),
      name: `${entry.dumpId}.dat`,
      content: 'rows',
      compression: { algorithm },
    });
    await written.write(rows);
    const { name, bytes } = await written.close();
    const file = join(folder, algorithm, name);
    const moved = { ...archive, path: join(folder, algorithm) };
    expect((await rowsOf(moved, entry)).equals(rows)).toBe(true);
    for (const at of [2, Math.floor(bytes / 3), bytes - 3]) {
      await flip(file, at);
      await expectDamaged(() => rowsOf(moved, entry), file, /cannot be decompressed: ./);
      await flip(file, at);
    }
  }
});

test('a custom-format archive that ends too early, or was changed, is named', async () => {
  for (const algorithm of COMPRESSIONS) {
    for (const format of ['custom', 'custom through a pipe'] as const) {
      const archive = await openDump(await tables(), format, algorithm);
      const whole = await readFile(archive.path);
      const entry = dataOf(archive, 'wide');
      for (const length of [whole.length - 1, whole.length - 2000, Math.floor(whole.length / 2)]) {
        await truncate(archive.path, length);
        const opened = await openArchive(archive.path);
        await expectDamaged(() => rowsOf(opened, entry), archive.path, /it ends in the middle of data/);
        await writeFile(archive.path, whole);
      }
      if (entry.data.at !== 'position') continue;
      // The type of the block, the number of its entry, the length of its first part.
      for (const [offset, reason] of [
        [0, /found a block of the unknown type/],
        [2, /expected the rows of entry \d+ at byte \d+, found the rows of entry/],
        [6, /the length of a block|ends in the middle|decompress|end marker/],
      ] as const) {
        await flip(archive.path, entry.data.position + offset);
        await expectDamaged(() => rowsOf(archive, entry), archive.path, reason);
        await flip(archive.path, entry.data.position + offset);
      }
      expect((await rowsOf(archive, entry)).length).toBeGreaterThan(4_000_000);
      await expect.poll(() => openFilesBelow(archive.path)).toEqual([]);
    }
  }
});

test('a table of contents that ends too early is named', async () => {
  for (const format of ['directory', 'custom'] as const) {
    const path = await dump(await tables(), format, 'gzip', '--schema-only');
    const file = format === 'directory' ? join(path, 'toc.dat') : path;
    const whole = await readFile(file);
    for (const length of [0, 3, 20, Math.floor(whole.length / 2), whole.length - 1]) {
      await truncate(file, length);
      await expectDamaged(() => openArchive(path), file, /in the middle of its table of contents/);
      await writeFile(file, whole);
    }
  }
});

test('what is no archive, or one of a newer format, is named', async () => {
  const folder = await temporaryFolder();
  const file = join(folder, 'letter.txt');
  await writeFile(file, 'Dear Ann,\n');
  await expect(openArchive(file)).rejects.toMatchObject({
    code: 'ARCHIVE',
    message: `expected an archive of pg_dump -Fd or -Fc in ${file}, but it is none: it does not begin with PGDMP`,
  });
  await expectDamaged(() => openArchive(folder), join(folder, 'toc.dat'), /there is no such file/);
  await expect(openArchive(join(folder, 'none'))).rejects.toMatchObject({
    code: 'ARCHIVE',
    message: `${join(folder, 'none')} cannot be read: there is no such file or folder (ENOENT)`,
  });
  const custom = await dump(await tables(), 'custom', 'gzip', '--schema-only');
  const bytes = await readFile(custom);
  bytes[6] = 17;
  await writeFile(custom, bytes);
  await expectDamaged(
    () => openArchive(custom),
    custom,
    /its format version is 1\.17\.0, expected 1\.14 to 1\.16/,
  );
  const directory = await dump(await tables(), 'directory', 'gzip', '--schema-only');
  const toc = join(directory, 'toc.dat');
  await expect(openArchive(toc)).rejects.toMatchObject({
    message: expect.stringContaining("expected that archive's folder"),
    hint: `Name the folder: ${directory}`,
  });
});

test('no file outside of the folder is read, whatever name stands in the archive', async () => {
  const archive = await openDump(await tables(), 'directory', 'gzip');
  for (const name of ['../secret', '/etc/passwd', '..', 'a/../b']) {
    const entry = { ...dataOf(archive, 'wide'), data: { at: 'file' as const, name } };
    await expectDamaged(() => rowsOf(archive, entry), archive.path, /it names ".*" as a file in it/);
  }
});

test('a program that is missing is named, not the file', async () => {
  const archive = await openDump(await tables(), 'directory', 'zstd');
  const path = process.env.PATH;
  onTestFinished(() => {
    process.env.PATH = path;
  });
  process.env.PATH = await temporaryFolder();
  await expect(rowsOf(archive, dataOf(archive, 'wide'))).rejects.toMatchObject({
    code: 'CLIENT_PROGRAM',
    message: expect.stringContaining('expected the program zstd'),
  });
});

async function flip(file: string, at: number): Promise<void> {
  const handle = await open(file, 'r+');
  const byte = Buffer.alloc(1);
  await handle.read(byte, 0, 1, at);
  byte[0] = (byte[0] ?? 0) ^ 0xff;
  await handle.write(byte, 0, 1, at);
  await handle.close();
}

async function expectDamaged(work: () => Promise<unknown>, file: string, reason = /./): Promise<void> {
  let thrown: unknown = `nothing, for ${file}`;
  try {
    await work();
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(HyperferryError);
  expect(thrown).toMatchObject({ code: 'ARCHIVE', hint: expect.stringContaining('dump again') });
  expect((thrown as Error).message.startsWith(`${file} cannot be read: `), String(thrown)).toBe(true);
  expect((thrown as Error).message).toMatch(reason);
}
