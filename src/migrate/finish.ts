import { removeLedger } from '../engine/ledger.js';
import { definitionOf, ownershipOf } from '../plan/schema-statements.js';
import type { Statement } from '../plan/statement.js';
import type { Migration, Stage } from './migration.js';
import { excuseMissingRights, runStatements } from './run-statements.js';

/**
 * What acts on all that is made after it: event triggers and subscriptions, in one transaction with the removal of
 * what marks the run as unfinished, so that no event trigger sees that, and no run is unmarked before they stand.
 */
export const finish: Stage = async (migration) => {
  const { target, leaveOut } = migration;
  await target.session.transaction(async () => {
    await removeLedger(target.session);
    await runStatements(target.session, lastStatements(migration), {
      excuse: excuseMissingRights,
      leaveOut,
      inTransaction: true,
    });
  });
};

/** Each with its owner: what may not be made has none. */
function lastStatements({ plan }: Migration): Statement[] {
  return plan.schema.last.map((entry) => {
    const owner = plan.options.owners ? ownershipOf(entry, plan.owners) : undefined;
    const definition = definitionOf(entry, plan.tablespaces);
    return { ...definition, sql: `${definition.sql}${owner?.sql ?? ''}` };
  });
}
