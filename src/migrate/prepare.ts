import { takeTarget } from '../engine/ledger.js';
import type { Session } from '../postgres/session.js';
import { isInRestoreMode } from '../timescale/timescale.js';
import type { ClearedOrigin, Origin } from './origin.js';
import { openSession, type Run } from './run.js';
import { refuseProcesses } from './worker-processes.js';

/** Both sides, connected and checked, and the target taken. */
export interface Prepared extends ClearedOrigin {
  readonly targetSession: Session;
}

/** Opens both sides, runs the checks, and takes the target. */
export async function connect(run: Run, origin: Origin): Promise<Prepared> {
  const opening = openSession(run, 'target', run.target);
  const cleared = await origin.clear(run, opening);
  const targetSession = await opening;
  refuseProcesses(run.options.processes, cleared.jobs);
  await takeTarget(targetSession);
  if (run.isResumed) {
    run.state.target = 'half done';
    run.state.hasLedger = true;
    run.state.isRestoring = await isInRestoreMode(targetSession);
  }
  return { ...cleared, targetSession };
}
