import { definitionOf, ownershipOf } from '../plan/schema-statements.js';
import type { Statement } from '../plan/statement.js';
import type { Migration, Stage } from './migration.js';
import { excuseMissingRights, runStatements } from './run-statements.js';

/** Event triggers and subscriptions act on what is made after them, so they come when all else stands. */
export const eventTriggers: Stage = async (migration) => {
  const { target, leaveOut } = migration;
  await runStatements(target.session, statements(migration), { excuse: excuseMissingRights, leaveOut });
};

/** Each with its owner, which must be a superuser, and so can be another than who makes it only on such a target. */
function statements({ plan }: Migration): Statement[] {
  return plan.schema.last.map((entry) => {
    const mayGive = plan.options.owners && plan.target.server.isSuperuser;
    const owner = mayGive ? ownershipOf(entry, plan.owners) : undefined;
    const definition = definitionOf(entry, plan.tablespaces);
    return { ...definition, sql: `${definition.sql}${owner?.sql ?? ''}` };
  });
}
