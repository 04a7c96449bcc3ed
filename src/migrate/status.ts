import { endWorkers, removeLedger, takeTarget } from '../engine/ledger.js';
import { type RunStatus, readStatus } from '../engine/status.js';
import { commandOf, readRecordedRun } from '../inventory/recorded-run.js';
import { parseConnection } from '../postgres/connection-string.js';
import { HyperferryError } from '../postgres/error.js';
import { withOwnErrors } from '../postgres/own-error.js';
import { inSession } from '../postgres/session.js';
import { isInRestoreMode } from '../timescale/timescale.js';

/**
 * Reads how far the run is whose target the database is, while it is under way and after.
 *
 * @throws HyperferryError `NO_RUN` when there is none
 */
export async function status(target: string): Promise<RunStatus> {
  return withOwnErrors(() => inSession('target', parseConnection(target), readStatus));
}

/**
 * Removes the ledger of a run from its target, and nothing else.
 *
 * @param options.unfinished also that of a run that did not finish: it cannot be gone on with then
 * @returns whether the database is left in restore mode, as it was
 * @throws HyperferryError `NO_RUN`, `TARGET_BUSY`, or `UNFINISHED`
 */
export async function clean(
  target: string,
  options: { unfinished?: boolean } = {},
): Promise<{ readonly isRestoring: boolean }> {
  return withOwnErrors(() =>
    inSession('target', parseConnection(target), async (session) => {
      const run = await readRecordedRun(session);
      if (!run)
        throw new HyperferryError('NO_RUN', 'expected a ledger of a run on the target, but there is none');
      await takeTarget(session);
      if (run.state !== 'done' && !options.unfinished) {
        throw new HyperferryError(
          'UNFINISHED',
          `expected a run that is complete, but the one on the target stopped in the stage “${run.stage}”; without its ledger, nobody can go on with it`,
          {
            hint: `Go on with it: hyperferry ${commandOf(run)} --resume …\nRemove the ledger all the same: hyperferry clean --unfinished …`,
          },
        );
      }
      await endWorkers(session);
      await removeLedger(session);
      return { isRestoring: await isInRestoreMode(session) };
    }),
  );
}
