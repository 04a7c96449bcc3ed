import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { type ArchiveHeader, archiveTimeOf } from '../../../src/postgres/archive/archive-header.js';
import { readArchiveToc } from '../../../src/postgres/archive/archive-toc.js';
import { openArchive } from '../../../src/postgres/archive/open-archive.js';
import type { TocEntry } from '../../../src/postgres/archive/toc-entry.js';
import { writeArchiveToc } from '../../../src/postgres/archive/write-toc.js';
import { makeDatabases } from '../../integration/databases.js';
import { apachePair } from '../../integration/servers.js';
import { OBJECTS_OF_MANY_KINDS } from '../objects.js';
import { dump, LARGE_OBJECTS, TABLES, temporaryFolder } from './dumps.js';

test('a table of contents that pg_dump wrote is the same when written again, byte for byte', async () => {
  const script = `${OBJECTS_OF_MANY_KINDS}${TABLES.replace(/CREATE SCHEMA.*/, '')}${LARGE_OBJECTS.replace('4711', '4714')}`;
  const databases = await makeDatabases(await apachePair(), 'write_toc_again', script);
  for (const parameters of [['none'], ['gzip'], ['zstd', '--create', '--clean'], ['lz4', '--schema-only']]) {
    const folder = await dump(databases, 'directory', ...(parameters as [string]));
    const { header, entries } = await openArchive(folder);
    expect(entries.length).toBeGreaterThan(60);
    const written = writeArchiveToc(header, entries);
    expect(written.equals(await readFile(join(folder, 'toc.dat'))), parameters.join(' ')).toBe(true);
    expect(readArchiveToc(written).entries).toEqual(entries);
  }
});

const HEADER: ArchiveHeader = {
  format: 'directory',
  version: '1.16',
  compression: { algorithm: 'gzip' },
  time: archiveTimeOf(new Date(2026, 1, 3, 4, 5, 6)),
  database: 'my "data"\nbase',
  serverVersion: '17.6 (Debian 17.6-1)',
  programVersion: 'Hyperferry 1',
};

const TABLE: TocEntry = {
  dumpId: 5,
  catalog: 1259,
  oid: 3_000_000_000,
  tag: 'a; "b"\nç',
  kind: 'TABLE',
  section: 'pre-data',
  definition: 'CREATE TABLE public."a; ""b""\nç" (a int);\n',
  dropStatement: 'DROP TABLE public."a; ""b""\nç";\n',
  copyStatement: undefined,
  schema: 'public',
  tablespace: undefined,
  accessMethod: 'heap',
  relationKind: 'r',
  owner: 'postgres',
  dependencies: [1, 2, 70000],
  hasData: false,
  data: { at: 'nowhere' },
};

const ROWS: TocEntry = {
  ...TABLE,
  dumpId: 6,
  kind: 'TABLE DATA',
  section: 'data',
  definition: '',
  dropStatement: '',
  copyStatement: 'COPY public."a; ""b""\nç" (a) FROM stdin;\n',
  accessMethod: undefined,
  relationKind: undefined,
  dependencies: [5],
  hasData: true,
  data: { at: 'file', name: '6.dat' },
};

for (const version of ['1.14', '1.15', '1.16'] as const) {
  test(`what is written in format ${version} is read as it was, by pg_restore too`, async () => {
    const folder = join(await temporaryFolder(), 'dump');
    await mkdir(folder);
    await writeFile(join(folder, 'toc.dat'), writeArchiveToc({ ...HEADER, version }, [TABLE, ROWS]));
    const { header, entries } = await openArchive(folder);
    const compression = version === '1.14' ? { algorithm: 'gzip', level: -1 } : { algorithm: 'gzip' };
    expect(header).toEqual({ ...HEADER, version, compression });
    const relationKind = version === '1.16' ? 'r' : undefined;
    expect(entries).toEqual([
      { ...TABLE, relationKind, emptyTexts: ['tablespace'] },
      { ...ROWS, emptyTexts: [] },
    ]);
    const programs = (await apachePair()).target.binFolder;
    const { stdout } = await execa(join(programs, 'pg_restore'), ['--list', '--verbose', folder]);
    expect(stdout.split('\n')).toEqual(
      expect.arrayContaining([
        '; Archive created at 2026-02-03 04:05:06 UTC'.replace(/ UTC$/, expectedZone()),
        ';     dbname: my "data" base',
        ';     TOC Entries: 2',
        `;     Dump Version: ${version}-0`,
        ';     Format: DIRECTORY',
        ';     Dumped from database version: 17.6 (Debian 17.6-1)',
        ';     Dumped by pg_dump version: Hyperferry 1',
        '5; 1259 3000000000 TABLE public a; "b" ç postgres',
        ';\tdepends on: 1 2 70000',
        '6; 1259 3000000000 TABLE DATA public a; "b" ç postgres',
        ';\tdepends on: 5',
      ]),
    );
  });
}

/** As pg_restore names the zone of this machine. */
function expectedZone(): string {
  const zone = new Intl.DateTimeFormat('en', { timeZoneName: 'short' })
    .formatToParts(new Date(2026, 1, 3))
    .find(({ type }) => type === 'timeZoneName');
  return ` ${zone?.value}`;
}
