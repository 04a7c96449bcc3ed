import type { Stage } from './migration.js';
import { excuseExisting, excuseMissingRights, excuseSettings, runStatements } from './run-statements.js';

/** Roles, memberships and the settings of roles. What the target has already is no error. */
export const roles: Stage = async ({ plan, target, leaveOut }) => {
  const { create, memberships, settings } = plan.roles;
  await runStatements(target.session, create, { excuse: excuseExisting, leaveOut });
  await runStatements(target.session, memberships, { excuse: excuseMissingRights, leaveOut });
  await runStatements(target.session, settings, { excuse: excuseSettings, leaveOut });
};
