import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { dump } from '../../src/archive/dump.js';
import type { DumpOptions } from '../../src/archive/dump-options.js';
import { restore } from '../../src/archive/restore.js';
import { type MigrateOptions, migrate, type Outcome } from '../../src/index.js';
import { type Exceptions, expectEqualDatabases } from './compare/databases.js';
import { type Databases, makeDatabaseBeside } from './databases.js';

/** What both ways are asked in the same words. */
type Options = Partial<
  Pick<MigrateOptions, 'jobs' | 'processes' | 'owners' | 'privileges' | 'roleMap' | 'rolePasswords'>
>;

/**
 * Brings a database to the target by a migration, and to another database beside it by a dump and its restore. Expects
 * both to be equal to the source, and nothing to be left out.
 *
 * @returns the outcome of the migration
 */
export async function expectFaithfulMigration(
  databases: Databases,
  options: Options = {},
  except: Exceptions = {},
): Promise<Outcome> {
  const outcome = await expectFaithfulRun(databases, options, except);
  await expectFaithfulRestore(databases, options, except);
  return outcome;
}

/** Migrates a database, and expects the target to be equal to the source and nothing to be left out. */
export async function expectFaithfulRun(
  databases: Databases,
  options: Partial<MigrateOptions> = {},
  except: Exceptions = {},
): Promise<Outcome> {
  const outcome = await migrateDatabase(databases, options);
  expect(leftOutButRoles(outcome), 'what the migration left out').toEqual([]);
  await expectEqualDatabases(databases.source, databases.target, databases.programs, except);
  return outcome;
}

/** The roles are there already, where a migration was before. */
async function expectFaithfulRestore(
  { source, target: beside, programs }: Databases,
  options: Options,
  except: Exceptions,
): Promise<void> {
  const target = await makeDatabaseBeside(beside);
  const { rolePasswords } = options;
  const outcome = await withDump({ source, programs, rolePasswords }, (from) =>
    restore({ jobs: 2, ...options, from, target }),
  );
  expect(leftOutButRoles(outcome), 'what the restore left out').toEqual([]);
  await expectEqualDatabases(source, target, programs, except);
}

/** Dumps a database into a folder that is there until the work is done. */
export async function withDump<T>(
  options: Omit<DumpOptions, 'out'>,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'hyperferry-dump-'));
  try {
    const out = join(folder, 'the dump');
    await dump({ jobs: 2, ...options, out });
    return await work(out);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** What was left out of the database itself: roles are the server's, and other tests have some there as well. */
export function leftOutButRoles({ leftOut }: Outcome): Outcome['leftOut'] {
  return leftOut.filter(({ object }) => !/^(password of|attributes of|comment on) role /.test(object));
}

export function migrateDatabase(
  { source, target, programs }: Databases,
  options: Partial<MigrateOptions> = {},
): Promise<Outcome> {
  return migrate({ source, target, programs, jobs: 2, ...options });
}
