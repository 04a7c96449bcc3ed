import { definitionOf, ownershipOf } from '../plan/schema-statements.js';
import type { Statement } from '../plan/statement.js';
import type { Migration, Stage } from './migration.js';
import { excuseMissingRights, runStatements } from './run-statements.js';

/** Event triggers and subscriptions act on what is made after them, so they come when all else stands. */
export const eventTriggers: Stage = async (migration) => {
  const { target, leaveOut } = migration;
  await runStatements(target.session, statements(migration), { excuse: excuseMissingRights, leaveOut });
};

/** Each with its owner: what may not be made has none. */
function statements({ plan }: Migration): Statement[] {
  return plan.schema.last.map((entry) => {
    const owner = plan.options.owners ? ownershipOf(entry, plan.owners) : undefined;
    const definition = definitionOf(entry, plan.tablespaces);
    return { ...definition, sql: `${definition.sql}${owner?.sql ?? ''}` };
  });
}
