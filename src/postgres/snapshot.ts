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

/** Runs `work` in a transaction that sees exactly what the snapshot sees. */
export async function withSnapshot<T>(
  session: Session,
  snapshot: string,
  work: () => Promise<T>,
): Promise<T> {
  return session.transaction(work, `${BEGIN_READING}; SET TRANSACTION SNAPSHOT ${quoteLiteral(snapshot)}`);
}
