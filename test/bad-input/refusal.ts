import { expect } from 'vitest';
import { type ErrorCode, HyperferryError, type MigrateOptions, migrate } from '../../src/index.js';
import type { Databases } from '../integration/databases.js';
import { queryValue } from '../integration/sql.js';
import { stateOf } from './state.js';

export interface Refusal {
  readonly code: ErrorCode;
  /** What the message says: what was expected, and what came. */
  readonly says: readonly (string | RegExp)[];
  /** What the hint says to do. */
  readonly advises: string | RegExp;
}

/** Expects a migration to be refused, by this error, with nothing changed in either database. */
export async function expectRefusal(
  databases: Databases,
  refusal: Refusal,
  options: Partial<MigrateOptions> = {},
): Promise<void> {
  const states = () =>
    Promise.all([
      stateOf(databases.source, databases.programs),
      stateOf(databases.target, databases.programs),
    ]);
  const before = await states();
  const error = await failureOf({ ...databases, jobs: 2, ...options });
  expectError(error, refusal);
  expect(await states(), 'both databases after the refusal').toEqual(before);
  await expectNoTrace(databases.target);
}

export function expectError(error: HyperferryError, { code, says, advises }: Refusal): void {
  expect(error.code, error.message).toBe(code);
  for (const text of says) expect(error.message).toMatch(text);
  expect(error.hint ?? '').toMatch(advises);
}

/** Runs a migration that must fail, and gives its error. */
export async function failureOf(options: MigrateOptions): Promise<HyperferryError> {
  const end = await migrate(options).then(
    () => 'the migration was done',
    (error: unknown) => error,
  );
  expect(end).toBeInstanceOf(HyperferryError);
  return end as HyperferryError;
}

async function expectNoTrace(target: string): Promise<void> {
  const ledger = await queryValue(target, `SELECT to_regnamespace('_hyperferry')::text`);
  expect(ledger, 'the schema of the ledger on the target').toBeNull();
}
