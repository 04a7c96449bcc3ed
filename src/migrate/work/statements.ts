import type { StatementsWork } from '../../plan/work.js';
import { databaseError } from '../../postgres/database-error.js';
import type { Session } from '../../postgres/session.js';
import { isTransient } from '../../postgres/transient.js';
import { refusedStatement } from '../run-statements.js';
import { markOf } from '../standing.js';
import type { Brought } from './context.js';

/**
 * Runs statements in the transaction of the session, in one round trip.
 * @throws HyperferryError `STATEMENT` that names the object: those that failed together are run again one by one
 */
export async function runStatementsInTransaction(
  { locks, statements }: StatementsWork,
  target: Session,
): Promise<Brought> {
  const names = locks.map((name) => `ONLY ${name}`).join(', ');
  const lock = names === '' ? '' : `LOCK TABLE ${names} IN SHARE ROW EXCLUSIVE MODE;\n`;
  try {
    await target.query(`SAVEPOINT statements;\n${lock}${statements.map(({ sql }) => sql).join('\n')}`);
  } catch (error) {
    if (!databaseError(error) || isTransient(error)) throw error;
    await target.query('ROLLBACK TO statements');
    for (const statement of statements) {
      await target.query(lock + statement.sql).catch((refusal: unknown) => {
        throw refusedStatement(statement, refusal);
      });
    }
  }
  return { rows: [], objects: statements.filter(({ isUnmarked }) => !isUnmarked).map(markOf), notices: [] };
}
