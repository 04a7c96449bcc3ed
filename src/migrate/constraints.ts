import { makeOnce } from './make-once.js';
import type { Stage } from './migration.js';
import { excuseMissingRights } from './run-statements.js';
import { workOnQueue } from './work-on-queue.js';

/** What needs rows and indexes: triggers, rules, policies, publications, attached indexes; then foreign keys. */
export const constraints: Stage = async (migration) => {
  const { plan, target } = migration;
  await makeOnce(target.session, plan.schema.after, migration, excuseMissingRights);
  await workOnQueue('constraints', migration);
  await makeOnce(target.session, plan.schema.comments, migration, excuseMissingRights);
};
