import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import type { Compression } from '../../../src/postgres/archive/archive-header.js';
import { createDataFile, type WrittenFile } from '../../../src/postgres/archive/data-file.js';
import { findLargeObjects, readLargeObject } from '../../../src/postgres/archive/large-objects.js';
import { openArchive } from '../../../src/postgres/archive/open-archive.js';
import { writeArchiveToc } from '../../../src/postgres/archive/write-toc.js';
import { makeDatabases } from '../../integration/databases.js';
import { apachePair } from '../../integration/servers.js';
import { query } from '../../integration/sql.js';
import {
  COMPRESSIONS,
  dataOf,
  LARGE_OBJECTS,
  openDump,
  openFilesBelow,
  rowsOf,
  TABLES,
  temporaryFolder,
} from './dumps.js';

const CONTENT = `
SELECT json_build_object(
  'wide', (SELECT md5(string_agg(w::text, ',' ORDER BY id)) FROM wide w),
  'odd', (SELECT json_agg(o ORDER BY "col;umn") FROM "odd ""schema""; --"."tab	le; \\.
with 'lines'" o),
  'marker_like', (SELECT json_agg(line ORDER BY line) FROM marker_like),
  'empty', (SELECT count(*) FROM empty),
  'large_objects', (SELECT json_object_agg(oid, md5(lo_get(oid)) ORDER BY oid::bigint) FROM pg_largeobject_metadata)
)::text AS content`;

for (const algorithm of COMPRESSIONS) {
  test(`an archive that is written with ${algorithm} is restored by pg_restore, and read again`, async () => {
    const name = `data_file_${algorithm}`;
    const databases = await makeDatabases(await apachePair(), name, `${TABLES}${LARGE_OBJECTS}`);
    const { folder, files } = await rewrite(await openDump(databases, 'custom', 'none'), { algorithm });
    for (const { name, bytes, sha256 } of files) {
      const content = await readFile(join(folder, name));
      expect([name, bytes, sha256]).toEqual([
        name,
        content.length,
        createHash('sha256').update(content).digest('hex'),
      ]);
      expect((await stat(join(folder, name))).mode & 0o777, name).toBe(0o600);
    }
    const suffixes = new Set(files.map((file) => /\.dat(.*)$/.exec(file.name)?.[1]));
    const expected = { none: [''], gzip: ['.gz'], lz4: ['.lz4', '.gz'], zstd: ['.zst', '.gz'] }[algorithm];
    expect(suffixes).toEqual(new Set(expected));

    const jobs = algorithm === 'none' ? 1 : 3;
    const program = join(databases.programs, 'pg_restore');
    await execa(program, ['--exit-on-error', `--jobs=${jobs}`, '-d', databases.target, folder]);
    expect(await query(databases.target, CONTENT)).toEqual(await query(databases.source, CONTENT));

    const [again, before] = [await openArchive(folder), await openDump(databases, 'directory', 'gzip')];
    for (const tag of ['wide', 'empty', 'marker_like']) {
      expect(
        (await rowsOf(again, dataOf(again, tag))).equals(await rowsOf(before, dataOf(before, tag))),
      ).toBe(true);
    }
  });
}

/** Writes what an archive holds as an archive in the directory format. */
async function rewrite(
  archive: Awaited<ReturnType<typeof openDump>>,
  compression: Compression,
): Promise<{ folder: string; files: WrittenFile[] }> {
  const folder = join(await temporaryFolder(), 'written');
  await mkdir(folder);
  const files: WrittenFile[] = [];
  const entries = [];
  for (const entry of archive.entries) {
    const isLargeObjects = entry.kind === 'BLOBS';
    const name = isLargeObjects ? `blobs_${entry.dumpId}.toc` : `${entry.dumpId}.dat`;
    entries.push(entry.hasData ? { ...entry, data: { at: 'file' as const, name } } : entry);
    if (!entry.hasData) continue;
    if (!isLargeObjects) {
      const file = createDataFile({ folder, name, content: 'rows', compression });
      const rows = await rowsOf(archive, entry);
      for (let at = 0; at < rows.length; at += 30_000) await file.write(rows.subarray(at, at + 30_000));
      files.push(await file.close());
      continue;
    }
    const lines: string[] = [];
    for await (const found of findLargeObjects(archive, entry)) {
      const { oid } = found;
      const blob = `blob_${oid}.dat`;
      const file = createDataFile({ folder, name: blob, content: 'large-object', compression });
      for await (const piece of readLargeObject(archive, found)) await file.write(piece);
      files.push(await file.close());
      lines.push(`${oid} ${blob}\n`);
    }
    await writeFile(join(folder, name), lines.join(''));
  }
  await writeFile(join(folder, 'toc.dat'), writeArchiveToc({ ...archive.header, compression }, entries));
  return { folder, files };
}

test('a level of compression is kept', async () => {
  const folder = await temporaryFolder();
  const content = Buffer.from(Array.from({ length: 100_000 }, (_, n) => `${n * 7919}\t${n % 13}\n`).join(''));
  const sizes = async (compression: Compression) => {
    const file = createDataFile({ folder, name: '1.dat', content: 'rows', compression });
    await file.write(content);
    return (await file.close()).bytes;
  };
  for (const [algorithm, best] of [
    ['gzip', 9],
    ['lz4', 12],
    ['zstd', 22],
  ] as const) {
    const [least, most] = [await sizes({ algorithm, level: 1 }), await sizes({ algorithm, level: best })];
    expect(most, algorithm).toBeLessThan(least);
  }
  const [fast, usual] = [await sizes({ algorithm: 'zstd', level: -50 }), await sizes({ algorithm: 'zstd' })];
  expect(usual).toBeLessThan(fast);
});

test('many small tables do not take long', async () => {
  const folder = await temporaryFolder();
  const rows = Buffer.from('2026-01-01 00:00:00+00\t17\t3.14159\n'.repeat(50));
  for (const algorithm of COMPRESSIONS) {
    const began = performance.now();
    for (let id = 1; id <= 1000; id++) {
      const file = createDataFile({ folder, name: `${id}.dat`, content: 'rows', compression: { algorithm } });
      await file.write(rows);
      await file.close();
    }
    expect(performance.now() - began, algorithm).toBeLessThan(5000);
  }
  expect((await readdir(folder)).length).toBe(2000);
});

const hasFullDevice = existsSync('/dev/full');

for (const algorithm of COMPRESSIONS) {
  test.skipIf(!hasFullDevice)(
    `a full disk is an error that says so, and leaves no file open: ${algorithm}${hasFullDevice ? '' : ' (skipped: no /dev/full)'}`,
    async () => {
      const folder = await temporaryFolder();
      const incompressible = createHash('shake256', { outputLength: 3_000_000 }).update('x').digest();
      const full = {
        code: 'ARCHIVE',
        message: expect.stringMatching(/1\.dat.* cannot be written: no space left/),
      };
      for (const size of [100, incompressible.length]) {
        const suffix = {
          none: '',
          gzip: '.gz',
          lz4: size > 100 ? '.lz4' : '.gz',
          zstd: size > 100 ? '.zst' : '.gz',
        };
        await symlink('/dev/full', join(folder, `1.dat${suffix[algorithm]}`));
        const file = createDataFile({ folder, name: '1.dat', content: 'rows', compression: { algorithm } });
        const written = (async () => {
          for (let at = 0; at < size; at += 65_000)
            await file.write(incompressible.subarray(at, at + 65_000));
          await file.close();
        })();
        await expect(written, String(size)).rejects.toMatchObject(full);
        await expect.poll(() => openFilesBelow('/dev/full')).toEqual([]);
        await file.abandon();
        expect(await readdir(folder)).toEqual([]);
      }
    },
  );
}

test('a folder that is not there is an error', async () => {
  const folder = join(await temporaryFolder(), 'none');
  const file = createDataFile({ folder, name: '1.dat', content: 'rows', compression: { algorithm: 'gzip' } });
  await expect(file.close()).rejects.toMatchObject({
    code: 'ARCHIVE',
    message: `${folder}/1.dat.gz cannot be written: there is no such file or folder (ENOENT)`,
  });
});

test('a file that is given up is removed, and its program ends', async () => {
  const folder = await temporaryFolder();
  for (const algorithm of COMPRESSIONS) {
    const file = createDataFile({ folder, name: '1.dat', content: 'rows', compression: { algorithm } });
    await file.write(Buffer.alloc(2_000_000, 'a line\n'));
    expect(await readdir(folder)).toHaveLength(1);
    await file.abandon();
    expect(await readdir(folder)).toEqual([]);
    expect(await openFilesBelow(folder)).toEqual([]);
  }
});

test('a program that is missing is named', async () => {
  const path = process.env.PATH;
  onTestFinished(() => {
    process.env.PATH = path;
  });
  process.env.PATH = await temporaryFolder();
  const folder = await temporaryFolder();
  const compression = { algorithm: 'zstd' } as const;
  const file = createDataFile({ folder, name: '1.dat', content: 'rows', compression });
  await expect(
    (async () => {
      await file.write(Buffer.alloc(2_000_000, 'a line\n'));
      await file.close();
    })(),
  ).rejects.toMatchObject({
    code: 'CLIENT_PROGRAM',
    message: expect.stringContaining('expected the program zstd in a folder of PATH'),
    hint: expect.stringContaining('apt install zstd'),
  });
});
