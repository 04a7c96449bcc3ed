import { makeOnce } from './make-once.js';
import type { Stage } from './migration.js';
import { type Excuse, excuseMissingRights } from './run-statements.js';
import { workOnQueue } from './work-on-queue.js';

/** What needs rows and indexes: triggers, rules, policies, publications, attached indexes; then foreign keys. */
export const constraints: Stage = async (migration) => {
  const { plan, target } = migration;
  await makeOnce(target.session, plan.schema.after, migration, excusePolicies);
  await workOnQueue('constraints', migration);
  await makeOnce(target.session, plan.schema.comments, migration, excuseMissingRights);
};

/** An archive of `pg_dump` has no roles: a policy for one that is not there lets nobody in, and is left out. */
const excusePolicies: Excuse = (statement, error) =>
  statement.object.startsWith('POLICY ') && error.code === '42704'
    ? { object: statement.object, reason: error.message, sql: statement.sql.trim() }
    : excuseMissingRights(statement, error);
