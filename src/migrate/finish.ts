import { removeLedger } from '../engine/ledger.js';
import { endRestoreMode } from '../timescale/timescale.js';
import type { Stage } from './migration.js';

/** Ends restore mode, which lets the target's background jobs run, and removes what marks the run as unfinished. */
export const finish: Stage = async ({ plan, target }) => {
  if (plan.source.timescale) await endRestoreMode(target.session, plan.source.timescale);
  await removeLedger(target.session);
};
