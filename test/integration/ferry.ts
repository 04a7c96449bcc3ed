import { expect } from 'vitest';
import { type MigrateOptions, migrate, type Outcome } from '../../src/index.js';
import { type Exceptions, expectEqualDatabases } from './compare/databases.js';
import type { Databases } from './databases.js';

/** Migrates a database, and expects the target to be equal to the source and nothing to be left out. */
export async function expectFaithfulMigration(
  databases: Databases,
  options: Partial<MigrateOptions> = {},
  except: Exceptions = {},
): Promise<Outcome> {
  const outcome = await migrateDatabase(databases, options);
  expect(leftOutButRoles(outcome), 'what the migration left out').toEqual([]);
  await expectEqualDatabases(databases.source, databases.target, databases.programs, except);
  return outcome;
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
