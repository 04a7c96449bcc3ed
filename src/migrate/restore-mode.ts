import { markFinished } from '../engine/ledger.js';
import { beginRestoreMode, endRestoreMode } from '../timescale/timescale.js';
import type { Stage } from './migration.js';

/** Turns TimescaleDB's hooks on the target off, so that hypertables and chunks can be made as the tables they are. */
export const restoreMode: Stage = async ({ plan, target }) => {
  if (plan.source.timescale) await beginRestoreMode(target.session, plan.source.timescale);
};

/**
 * Turns them on again, and lets the target's background jobs run. In one transaction with the mark that says so: from
 * then on, nothing of the target is taken back.
 */
export const restoreModeEnds: Stage = async ({ plan, target }) => {
  const { timescale } = plan.source;
  await target.session.transaction(
    async () => {
      if (timescale) await endRestoreMode(target.session, timescale);
    },
    `BEGIN; ${markFinished('restore mode ends')}`,
  );
};
