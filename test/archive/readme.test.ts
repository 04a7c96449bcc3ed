import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readme } from '../../src/archive/readme.js';
import { readCollation } from '../../src/inventory/collation.js';
import { readInventory } from '../../src/inventory/inventory.js';
import { parseConnection } from '../../src/postgres/connection-string.js';
import { Session } from '../../src/postgres/session.js';
import { makeDatabases } from '../integration/databases.js';
import { apachePair } from '../integration/servers.js';
import { query } from '../integration/sql.js';
import { dumped } from './dumped.js';

const READ_COLLATION = `
SELECT datlocprovider, datlocale, datcollate, datctype, pg_encoding_to_char(encoding) AS encoding
FROM pg_database WHERE datname = current_database()`;

test.each([
  { name: 'builtin', encoding: undefined },
  { name: 'libc', encoding: 'LATIN1' },
])('README.txt has the command that makes a database like the source: $name', async ({ name, encoding }) => {
  const pair = await apachePair();
  const databases = await makeDatabases(
    pair,
    `readme_${name}`,
    'CREATE TABLE t ()',
    encoding ? { source: encoding } : {},
  );
  const text = await readFile(join(await dumped(databases), 'README.txt'), 'utf8');
  const [creation = ''] =
    /^ {4}CREATE DATABASE "readme_\w+" TEMPLATE template0 ENCODING .*;$/m.exec(text) ?? [];
  await query(databases.target, creation.replace(`readme_${name}`, `readme_${name}_made`));
  const made = databases.target.replace(/\/[^/?]*(\?|$)/, `/readme_${name}_made$1`);
  expect(await query(made, READ_COLLATION)).toEqual(await query(databases.source, READ_COLLATION));
});

test('README.txt asks for the programs that can read the archive, by its format', async () => {
  const { source } = await makeDatabases(await apachePair(), 'readme_programs', 'CREATE TABLE t ()');
  const session = await Session.open('source', parseConnection(source));
  const described = {
    kind: 'archive' as const,
    source: await readInventory(session),
    collation: await readCollation(session),
    name: 'postgres@old/tsdb',
    takenAt: '2026-01-01T00:00:00.000Z',
    compression: { algorithm: 'gzip' as const },
    archiveVersion: '1.16' as const,
    tablespaces: [],
    schemas: [],
    afterRestoreMode: [],
    hasBackgroundJobs: false,
  };
  await session.close();
  const of = (version: number) => ({
    ...described,
    source: { ...described.source, server: { ...described.source.server, version } },
  });
  // A pg_dump of PostgreSQL 17 dumps older servers as well.
  const newer = readme(of(150_004));
  expect(newer).toContain(
    'on a server of PostgreSQL 17\nor newer. pg_restore must be of PostgreSQL 17 or newer:',
  );
  expect(newer).toContain('the archive is of format 1.16.');
  const zstd = readme({ ...of(140_004), compression: { algorithm: 'zstd' }, archiveVersion: '1.15' });
  expect(zstd).toContain('on a server of PostgreSQL 14\nor newer.');
  expect(zstd).toContain('pg_restore must be of PostgreSQL 16 or newer, and built with zstd: ');
  const plain = readme({ ...of(120_004), kind: 'plain', archiveVersion: '1.14' });
  expect(plain).toContain('on a server of PostgreSQL 12\nor newer. TARGET is');
});
