import type { Plan } from '../plan/plan.js';
import { definitionOf, ownershipOf } from '../plan/schema-statements.js';
import type { Statement } from '../plan/statement.js';
import { runOnce } from './make-once.js';
import type { Stage } from './migration.js';
import { excuseMissingRights } from './run-statements.js';

/** Event triggers and subscriptions act on what is made after them, so they come when all else stands. */
export const eventTriggers: Stage = (migration) =>
  runOnce(migration.target.session, eventTriggerStatements(migration.plan), migration, excuseMissingRights);

/** Each with its owner, which must be a superuser, and so can be another than who makes it only on such a target. */
export function eventTriggerStatements(plan: Plan): Statement[] {
  return plan.schema.last.map((entry) => {
    const mayGive = plan.options.owners && plan.target.server.isSuperuser;
    const owner = mayGive ? ownershipOf(entry, plan.owners) : undefined;
    const definition = definitionOf(entry, plan.tablespaces);
    return { ...definition, sql: `${definition.sql}${owner?.sql ?? ''}` };
  });
}
