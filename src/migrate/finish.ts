import { removeLedger } from '../engine/ledger.js';
import { definitionOf, ownershipOf } from '../plan/schema-statements.js';
import { endRestoreMode } from '../timescale/timescale.js';
import type { Migration, Stage } from './migration.js';
import { excuseMissingRights, runStatements } from './run-statements.js';

/**
 * Ends restore mode, which lets the target's background jobs run. Then what acts on all that is made after it: event
 * triggers and subscriptions, in one transaction with the removal of what marks the run as unfinished, so that no
 * event trigger sees that, and no run is unmarked before they stand.
 */
export const finish: Stage = async (migration) => {
  const { plan, target, leaveOut } = migration;
  if (plan.source.timescale) await endRestoreMode(target.session, plan.source.timescale);
  await target.session.transaction(async () => {
    await removeLedger(target.session);
    await runStatements(target.session, lastStatements(migration), {
      excuse: excuseMissingRights,
      leaveOut,
      inTransaction: true,
    });
  });
};

function lastStatements({ plan }: Migration) {
  return plan.schema.last.flatMap((entry) => {
    const owner = plan.options.owners ? ownershipOf(entry) : undefined;
    return [definitionOf(entry, plan.tablespaces), ...(owner ? [owner] : [])];
  });
}
