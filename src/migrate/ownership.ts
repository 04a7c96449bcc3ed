import { definitionOf, ownershipOf } from '../plan/schema-statements.js';
import type { Stage } from './migration.js';
import { excuseMissingRights, runStatements } from './run-statements.js';

/**
 * Owners, then grants, since an owner's grants are the owner's to give. Both come after all that the connecting role
 * makes: what it has given away it may not be able to change.
 */
export const ownersAndPrivileges: Stage = async ({ plan, target, leaveOut }) => {
  if (plan.options.owners) {
    const owners = [...plan.schema.before, ...plan.schema.after].flatMap((entry) => ownershipOf(entry) ?? []);
    await runStatements(target.session, owners, { excuse: excuseMissingRights, leaveOut });
  }
  if (plan.options.privileges) {
    const grants = plan.schema.privileges.map((entry) => definitionOf(entry, plan.tablespaces));
    await runStatements(target.session, grants, { excuse: excuseMissingRights, leaveOut });
  }
};
