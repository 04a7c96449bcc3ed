import { databaseError } from './database-error.js';
import { HyperferryError } from './error.js';
import { quoteLiteral } from './quoting.js';
import type { Session } from './session.js';

const BEGIN_READING = 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY';

/**
 * Begins a transaction on the session and exports its snapshot. Others may import it until the transaction ends.
 * @returns the snapshot's identifier
 */
export async function exportSnapshot(session: Session): Promise<string> {
  await session.query(BEGIN_READING);
  const { id } = await session.one<{ id: string }>('SELECT pg_catalog.pg_export_snapshot() AS id');
  return id;
}

/** What `SET TRANSACTION SNAPSHOT` says, by version, of a snapshot whose session has ended. */
const SNAPSHOT_GONE = ['22023', '42704', '55000'];

/**
 * Runs `work` in a transaction that sees exactly what the snapshot sees.
 * @throws HyperferryError `SNAPSHOT_LOST` when the session that exported it has ended
 */
export async function withSnapshot<T>(
  session: Session,
  snapshot: string,
  work: () => Promise<T>,
): Promise<T> {
  let hasBegun = false;
  try {
    return await session.transaction(
      () => {
        hasBegun = true;
        return work();
      },
      `${BEGIN_READING}; SET TRANSACTION SNAPSHOT ${quoteLiteral(snapshot)}`,
    );
  } catch (error) {
    if (hasBegun || !SNAPSHOT_GONE.includes(databaseError(error)?.code ?? '')) throw error;
    throw new HyperferryError(
      'SNAPSHOT_LOST',
      `the session that held the snapshot of the source has ended: ${(error as Error).message}`,
      { cause: error, hint: 'Look at the log of the source server, and at the network between.' },
    );
  }
}
