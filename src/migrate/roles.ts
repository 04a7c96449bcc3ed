import type { Plan } from '../plan/plan.js';
import type { Statement } from '../plan/statement.js';
import { quoteIdentifier } from '../postgres/quoting.js';
import type { Stage } from './migration.js';
import { excuseExisting, excuseMissingRights, excuseSettings, runStatements } from './run-statements.js';

/** Roles, memberships, the settings of roles, and what parameters they may set. What the target has already is no error. */
export const roles: Stage = async ({ plan, target, leaveOut }) => {
  const { create, memberships, settings, parameterGrants } = plan.roles;
  await runStatements(target.session, create, { excuse: excuseExisting, leaveOut });
  await runStatements(target.session, memberships, { excuse: excuseMissingRights, leaveOut });
  await runStatements(target.session, ownMemberships(plan), { excuse: () => 'done' });
  await runStatements(target.session, settings, { excuse: excuseSettings, leaveOut });
  if (plan.options.privileges) {
    await runStatements(target.session, parameterGrants, { excuse: excuseSettings, leaveOut });
  }
};

/**
 * Without superuser, the connecting role can give objects only to roles that it is a member of. It may make itself a
 * member of those that it has made; where it may not, the stage of owners says so.
 */
function ownMemberships({ source, target, owners, options }: Plan): Statement[] {
  const { role, isSuperuser, version } = target.server;
  if (isSuperuser || !options.owners) return [];
  const names = new Set(
    source.roles.roles.map(({ name }) => owners.ownerOf(name)).filter((name) => name !== role),
  );
  const how = version >= 160_000 ? ' WITH INHERIT TRUE, SET TRUE' : '';
  return [...names].map((name) => ({
    sql: `GRANT ${quoteIdentifier(name)} TO ${quoteIdentifier(role)}${how};`,
    object: `membership of ${role} in ${name}`,
  }));
}
