import { takeBack } from '../engine/done.js';
import type { Plan } from '../plan/plan.js';
import { databaseError } from '../postgres/database-error.js';
import { HyperferryError } from '../postgres/error.js';
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
