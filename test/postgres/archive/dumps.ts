import { createWriteStream } from 'node:fs';
import { mkdtemp, readdir, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { execa } from 'execa';
import { onTestFinished } from 'vitest';
import { type Archive, openArchive } from '../../../src/postgres/archive/open-archive.js';
import { openTableData } from '../../../src/postgres/archive/table-data.js';
import type { TocEntry } from '../../../src/postgres/archive/toc-entry.js';
import type { Databases } from '../../integration/databases.js';

/** Names that want quotes, rows that look like the end of the rows, nothing at all, and several MB. */
export const TABLES = `
CREATE SCHEMA "odd ""schema""; --";
CREATE TABLE "odd ""schema""; --"."tab	le; \\.
with 'lines'" ("col;umn" int, "va""lue" text);
INSERT INTO "odd ""schema""; --"."tab	le; \\.
with 'lines'" VALUES (1, E'a\\tb\\nc\\\\d'), (2, NULL), (3, ''), (4, '\\.');
CREATE TABLE empty (a int);
CREATE TABLE no_columns ();
CREATE TABLE marker_like (line text);
INSERT INTO marker_like VALUES (''), ('\\.'), ('x\\.'), (''), ('');
CREATE TABLE wide (id int PRIMARY KEY, text text);
INSERT INTO wide SELECT n, md5(n::text) || repeat('-', n % 100) FROM generate_series(1, 60000) AS n;`;

export const LARGE_OBJECTS = `
SELECT lo_from_bytea(4711, 'a small one'), lo_create(4712), lo_from_bytea(3000000000, '\\x00ff0a5c2e0a0a0a');
SELECT lo_from_bytea(4713, convert_to(string_agg(md5(n::text), ''), 'UTF8')) FROM generate_series(1, 50000) AS n;`;

export const FORMATS = ['directory', 'custom', 'custom through a pipe'] as const;
export const COMPRESSIONS = ['none', 'gzip', 'lz4', 'zstd'] as const;

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'hyperferry-archive-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

/** What stock pg_dump writes of a database. */
export async function dump(
  { source, programs }: Databases,
  format: (typeof FORMATS)[number],
  compression: string,
  ...parameters: string[]
): Promise<string> {
  const path = join(await temporaryFolder(), 'dump');
  const all = [`--format=${format.split(' ')[0]}`, `--compress=${compression}`, ...parameters, '-d', source];
  const program = join(programs, 'pg_dump');
  if (format !== 'custom through a pipe') {
    await execa(program, [...all, '-f', path]);
    return path;
  }
  const running = execa(program, all, { buffer: false, encoding: 'buffer' });
  await pipeline(running.stdout, createWriteStream(path));
  await running;
  return path;
}

export async function openDump(...parameters: Parameters<typeof dump>): Promise<Archive> {
  return openArchive(await dump(...parameters));
}

export async function rowsOf(archive: Archive, entry: TocEntry): Promise<Buffer> {
  return buffer(await openTableData(archive, entry));
}

export function dataOf(archive: Archive, tag: string): TocEntry {
  const entry = archive.entries.find(({ kind, tag: found }) => kind === 'TABLE DATA' && found === tag);
  if (!entry) throw new Error(`no data of ${tag} among ${archive.entries.map((one) => one.tag)}`);
  return entry;
}

/** The rows of a table as the server itself gives them. */
export async function copied(programs: string, database: string, table: string): Promise<Buffer> {
  const { stdout } = await execa(
    join(programs, 'psql'),
    ['-X', '-q', '-c', `COPY ${table} TO STDOUT`, database],
    {
      encoding: 'buffer',
      stripFinalNewline: false,
    },
  );
  return Buffer.from(stdout);
}

/** The files below a folder that this process has open; on Linux alone. */
export async function openFilesBelow(folder: string): Promise<string[]> {
  const open = await readdir('/proc/self/fd').catch(() => []);
  const paths = await Promise.all(open.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
  return paths.filter((path) => path.startsWith(folder));
}
