import { definitionOf, ownershipOf } from '../plan/schema-statements.js';
import type { Stage } from './migration.js';
import { excuseMissingRights, runStatements } from './run-statements.js';

/** Event triggers and subscriptions act on what is made after them, so they come when all else stands. */
export const eventTriggers: Stage = async ({ plan, target, leaveOut }) => {
  const statements = plan.schema.last.flatMap((entry) => {
    const owner = plan.options.owners ? ownershipOf(entry) : undefined;
    return [definitionOf(entry, plan.tablespaces), ...(owner ? [owner] : [])];
  });
  await runStatements(target.session, statements, { excuse: excuseMissingRights, leaveOut });
};
