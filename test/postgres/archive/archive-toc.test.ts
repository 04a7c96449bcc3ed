import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import { readArchiveToc, type TocEntry } from '../../../src/postgres/archive/archive-toc.js';
import { HyperferryError } from '../../../src/postgres/error.js';
import { makeDatabases } from '../../integration/databases.js';
import { apachePair } from '../../integration/servers.js';
import { OBJECTS_OF_MANY_KINDS } from '../objects.js';

/** Set the session that restores, in another form; and the database, which is made only when asked for. */
const UNWRITTEN = new Set(['ENCODING', 'STDSTRINGS', 'SEARCHPATH', 'DATABASE']);

test('the table of contents is the one that pg_restore lists: same ids, kinds, names, owners', async () => {
  const { archive, list } = await dump('toc_list');
  const entries = readArchiveToc(archive).entries;
  expect(entries.length).toBeGreaterThan(60);
  expect(entries.map(asListed)).toEqual(list.filter((line) => /^\d/.test(line)));
});

test('each entry depends on the entries that pg_restore says', async () => {
  const { archive, list } = await dump('toc_dependencies');
  const listed = new Map<number, number[]>();
  let current = 0;
  for (const line of list) {
    const id = /^(\d+);/.exec(line)?.[1];
    if (id) current = Number(id);
    const dependencies = /^;\s+depends on: (.*)/.exec(line)?.[1];
    if (dependencies) listed.set(current, dependencies.trim().split(/\s+/).map(Number));
  }
  expect(listed.size).toBeGreaterThan(30);
  for (const { dumpId, dependencies } of readArchiveToc(archive).entries) {
    expect([dumpId, dependencies]).toEqual([dumpId, listed.get(dumpId) ?? []]);
  }
});

test('each definition is one that pg_restore writes', async () => {
  const { archive, script } = await dump('toc_definitions');
  const written = readArchiveToc(archive).entries.filter(({ kind }) => !UNWRITTEN.has(kind));
  for (const { definition } of written) expect(script.includes(definition.trim()), definition).toBe(true);
});

test('an archive that ends too early is no archive, wherever it ends', async () => {
  const { archive } = await dump('toc_truncated');
  for (let length = 0; length < archive.length; length += length < 500 ? 1 : 61) {
    expectUnreadable(archive.subarray(0, length));
  }
  expectUnreadable(archive.subarray(0, -1));
});

test('what is no archive, or one of another form, is refused', async () => {
  const { archive } = await dump('toc_other');
  expectUnreadable(Buffer.from('-- PostgreSQL database dump\n'), /does not begin with PGDMP/);
  expectUnreadable(changed(archive, 5, 9), /format version is 9\./);
  expectUnreadable(changed(archive, 6, 99), /format version is 1\.99/);
  // After the magic word: three bytes of version, the sizes of integers and offsets, the format.
  expectUnreadable(changed(archive, 10, 4), /its format is 4, expected/);
});

function changed(archive: Buffer, at: number, byte: number): Buffer {
  const copy = Buffer.from(archive);
  copy[at] = byte;
  return copy;
}

function expectUnreadable(bytes: Buffer, reason = /./): void {
  let thrown: unknown = `nothing, for ${bytes.length} bytes`;
  try {
    readArchiveToc(bytes);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(HyperferryError);
  expect(thrown).toMatchObject({ code: 'CLIENT_PROGRAM', hint: expect.stringContaining('--pg-bin') });
  expect((thrown as Error).message).toMatch(reason);
}

/** As `PrintTOCSummary()` in PostgreSQL's src/bin/pg_dump/pg_backup_archiver.c prints it. */
function asListed({ dumpId, catalog, oid, kind, schema, tag, owner }: TocEntry): string {
  const oneLine = (text: string | undefined) => (text ?? '').replace(/[\r\n]/g, ' ');
  return `${dumpId}; ${catalog} ${oid} ${kind} ${oneLine(schema) || '-'} ${oneLine(tag)} ${oneLine(owner)}`;
}

async function dump(name: string): Promise<{ archive: Buffer; list: string[]; script: string }> {
  const { source, programs } = await makeDatabases(await apachePair(), name, OBJECTS_OF_MANY_KINDS);
  const folder = await mkdtemp(join(tmpdir(), 'hyperferry-toc-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'archive');
  await execa(join(programs, 'pg_dump'), [
    '--format=custom',
    '--schema-only',
    '--compress=0',
    '-f',
    file,
    '-d',
    source,
  ]);
  const restore = async (...parameters: string[]) =>
    (await execa(join(programs, 'pg_restore'), [...parameters, file])).stdout;
  const [archive, list, script] = await Promise.all([
    readFile(file),
    restore('--list', '--verbose'),
    restore('--file=-'),
  ]);
  return { archive, list: list.split('\n'), script };
}
