import { setTimeout as sleep } from 'node:timers/promises';
import { markDone } from '../engine/done.js';
import type { LeftOut } from '../plan/left-out.js';
import type { Statement } from '../plan/statement.js';
import { type DatabaseError, databaseError } from '../postgres/database-error.js';
import { HyperferryError } from '../postgres/error.js';
import type { Session } from '../postgres/session.js';
import { isTransient } from '../postgres/transient.js';
import { markOf } from './standing.js';

/** A round trip and a commit for a hundred statements; a transaction of more would hold many locks. */
const STATEMENTS_A_BATCH = 100;

/**
 * Says whether the target can do without a statement that it refused: `done` when what it makes is there already,
 * what is left out and why, or undefined when the run must stop.
 */
export type Excuse = (statement: Statement, error: DatabaseError) => LeftOut | 'done' | undefined;

export interface RunOptions {
  readonly excuse?: Excuse;
  readonly leaveOut?: (item: LeftOut) => void;
  /** Whether the ledger notes what was made, in the same transaction. */
  readonly isMarked?: boolean;
}

/** A row of a shared catalog that another session changes at the same moment ("tuple concurrently updated"). */
const CONCURRENT_UPDATE = 'XX000';
const ATTEMPTS = 5;

/**
 * Runs statements in their order, a batch in one round trip and transaction. A batch that fails is run again one
 * statement at a time, so that the error names the object.
 *
 * @param excuse asked about each refused statement; what it excuses goes to `leaveOut` and the rest goes on
 * @throws HyperferryError `STATEMENT` that names the object and what the server said
 */
export async function runStatements(
  session: Session,
  statements: readonly Statement[],
  options: RunOptions = {},
): Promise<void> {
  for (let first = 0; first < statements.length; first += STATEMENTS_A_BATCH) {
    const batch = statements.slice(first, first + STATEMENTS_A_BATCH);
    try {
      await session.query(withMarks(batch, options));
    } catch (error) {
      if (!databaseError(error)) throw error;
      for (const statement of batch) await runStatement(session, statement, options);
    }
  }
}

/** What stands in one message to the server is one transaction, where the session is in none. */
function withMarks(statements: readonly Statement[], { isMarked }: RunOptions): string {
  const sql = statements.map((statement) => statement.sql);
  return [...sql, ...(isMarked ? [markDone(statements.map(markOf))] : [])].join('\n');
}

/** @throws HyperferryError `STATEMENT` that names the object and what the server said */
async function runStatement(
  session: Session,
  statement: Statement,
  options: RunOptions = {},
  attempt = 1,
): Promise<void> {
  try {
    await session.query(withMarks([statement], options));
  } catch (error) {
    const refusal = databaseError(error);
    if (!refusal) throw error;
    if (refusal.code === CONCURRENT_UPDATE && /concurrently/.test(refusal.message) && attempt < ATTEMPTS) {
      await sleep(100 * attempt);
      return runStatement(session, statement, options, attempt + 1);
    }
    const excuse = options.excuse?.(statement, refusal);
    if (!excuse) {
      throw refusedStatement(statement, error);
    }
    if (excuse !== 'done') options.leaveOut?.(excuse);
  }
}

/** The error of a statement that the server refused, which names the object; others as they are. */
export function refusedStatement(statement: Statement, error: unknown): unknown {
  const refusal = databaseError(error);
  if (!refusal || isTransient(error)) return error;
  return new HyperferryError('STATEMENT', `the target refused ${statement.object}: ${refusal.message}`, {
    cause: error,
    hint: refusal.detail ?? refusal.hint ?? shownSql(statement, 'The statement: '),
  });
}

/** Excuses an object that is there already, by another session's doing at the same time, and missing rights. */
export const excuseExisting: Excuse = (statement, error) =>
  ['42710', '23505'].includes(error.code) ? 'done' : excuseMissingRights(statement, error);

/** Excuses what the connecting role may not do: an administrator can run it later. */
export const excuseMissingRights: Excuse = (statement, error) =>
  error.code === '42501'
    ? { object: statement.object, reason: error.message, sql: shownSql(statement) }
    : undefined;

/** Excuses settings that the target does not know, may not set, or does not take. */
export const excuseSettings: Excuse = (statement, error) =>
  ['42501', '42602', '42704', '22023', '0LP01', '55P02'].includes(error.code)
    ? { object: statement.object, reason: error.message, sql: shownSql(statement) }
    : undefined;

/**
 * A grant to a role or on an object that stays behind is left out, as one that may not be given: undefined objects,
 * functions and tables.
 */
export const excuseGrants: Excuse = (statement, error) =>
  ['42704', '42883', '42P01'].includes(error.code)
    ? { object: statement.object, reason: error.message, sql: shownSql(statement) }
    : excuseMissingRights(statement, error);

const SHOWN_CHARACTERS = 10_000;

/** The SQL for people to read, if there is no password in it. */
function shownSql({ sql, isSecret }: Statement, before = ''): string | undefined {
  return isSecret ? undefined : before + sql.trim().slice(0, SHOWN_CHARACTERS);
}
