import { takeBack } from '../engine/done.js';
import type { Plan } from '../plan/plan.js';
import { databaseError } from '../postgres/database-error.js';
import { HyperferryError } from '../postgres/error.js';
import { quoteQualified } from '../postgres/quoting.js';
import type { Session } from '../postgres/session.js';
import { isTransient } from '../postgres/transient.js';
import type { Resumed } from './outcome.js';
import { findStale, type Left } from './stale.js';

/**
 * Takes back what stands on the target and is no longer what the source has. What stays is as the new snapshot has it.
 *
 * @throws HyperferryError `SOURCE_REDEFINED` for what cannot be taken back
 */
export async function takeBackChanged(
  session: Session,
  plan: Plan,
  left: Left,
): Promise<Omit<Resumed, 'attempt'>> {
  const stale = findStale(plan, left);
  try {
    await takeBack(session, stale.marks);
  } catch (error) {
    const refusal = databaseError(error);
    if (!refusal || isTransient(error)) throw error;
    throw new HyperferryError(
      'SOURCE_REDEFINED',
      `the source has other definitions than when the run began, and what was made of the old ones cannot be taken back: ${refusal.message}`,
      { cause: error, isFinal: true },
    );
  }
  const marks = new Set(stale.marks);
  const kept = left.done.filter((mark) => mark.relation !== null && !marks.has(mark));
  return {
    kept: {
      relations: new Set(kept.map(({ relation }) => relation)).size,
      rows: kept.reduce((sum, { rows }) => sum + (rows ?? 0), 0),
    },
    again: stale.again,
    takenBack: stale.changed,
  };
}

/** Unlogged tables that are empty: a crash of the target has that effect. */
const READ_EMPTY_UNLOGGED = `
SELECT n.nspname AS schema, c.relname AS name
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relpersistence = 'u' AND c.relkind = 'r' AND pg_catalog.pg_relation_size(c.oid) = 0`;

/** @returns tables that may have lost their rows, as SQL names them */
export async function readEmptied(session: Session): Promise<Set<string>> {
  const rows = await session.query<{ schema: string; name: string }>(READ_EMPTY_UNLOGGED);
  return new Set(rows.map(quoteQualified));
}
