import { databaseError } from './database-error.js';
import { HyperferryError } from './error.js';
import { quoteLiteral } from './quoting.js';
import type { Row, Session } from './session.js';

/** Begins a transaction that changes nothing, and sees one state. */
export const BEGIN_READING = 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY';

/**
 * Begins a transaction on the session and exports its snapshot. Others may import it until the transaction ends.
 * @returns the snapshot's identifier
 */
export async function exportSnapshot(session: Session): Promise<string> {
  const { id } = await session.one<{ id: string }>(
    `${BEGIN_READING}; SELECT pg_catalog.pg_export_snapshot() AS id`,
  );
  return id;
}

/** What `SET TRANSACTION SNAPSHOT` says, by version, of a snapshot whose session has ended. */
const SNAPSHOT_GONE = ['22023', '42704', '55000'];

/** Statements that go to the server with the begin of a transaction. */
export interface FirstStatements {
  readonly sql: string;
  /** What a refusal of these statements means. */
  explain(error: unknown): unknown;
}

/**
 * Runs `work` in a transaction that sees exactly what the snapshot sees.
 * @param first `work` is given the rows of the last one
 * @throws HyperferryError `SNAPSHOT_LOST` when the session that exported it has ended
 */
export async function withSnapshot<T, R extends Row = Row>(
  session: Session,
  snapshot: string,
  work: (first: readonly R[]) => Promise<T>,
  first?: FirstStatements,
): Promise<T> {
  const begin = `${BEGIN_READING}; SET TRANSACTION SNAPSHOT ${quoteLiteral(snapshot)};`;
  let hasBegun = false;
  try {
    return await session.transaction<T, R>(
      (rows) => {
        hasBegun = true;
        return work(rows);
      },
      `${begin}\n${first?.sql ?? ''}`,
    );
  } catch (error) {
    if (hasBegun) throw error;
    if (isSnapshotGone(error)) await expectSnapshot(session, begin);
    throw first ? first.explain(error) : error;
  }
}

/** Which statement of a message was refused its error does not say: the snapshot is asked for alone. */
async function expectSnapshot(session: Session, begin: string): Promise<void> {
  try {
    await session.transaction(async () => undefined, begin);
  } catch (error) {
    if (!isSnapshotGone(error)) throw error;
    throw new HyperferryError(
      'SNAPSHOT_LOST',
      `the session that held the snapshot of the ${session.side} has ended: ${(error as Error).message}`,
      { cause: error, hint: `Look at the log of the ${session.side} server, and at the network between.` },
    );
  }
}

function isSnapshotGone(error: unknown): boolean {
  return SNAPSHOT_GONE.includes(databaseError(error)?.code ?? '');
}
