import { runTasks, type Task } from '../engine/pool.js';
import { definitionOf } from '../plan/schema-statements.js';
import type { Session } from '../postgres/session.js';
import { type Migration, type Stage, targetWorkers } from './migration.js';
import { excuseMissingRights, runStatements } from './run-statements.js';

/** What needs rows and indexes: triggers, rules, policies, publications, attached indexes; then foreign keys. */
export const constraints: Stage = async (migration) => {
  const { plan, target, jobs, signal, leaveOut } = migration;
  const { after, comments } = plan.schema;
  await runStatements(
    target.session,
    after.map((entry) => definitionOf(entry, plan.tablespaces)),
    {
      excuse: excuseMissingRights,
      leaveOut,
    },
  );
  await runTasks(foreignKeyTasks(migration), jobs, targetWorkers(migration), signal);
  await runStatements(
    target.session,
    comments.map((entry) => definitionOf(entry, plan.tablespaces)),
    { excuse: excuseMissingRights, leaveOut },
  );
};

/** A foreign key locks both its tables while it reads them, so two that share one would only wait for each other. */
function foreignKeyTasks({ plan }: Migration): Task<Session>[] {
  return plan.schema.foreignKeys.map((entry) => {
    const key = plan.source.definitions.foreignKeys.get(entry.oid);
    return {
      id: `foreign key ${entry.dumpId}`,
      after: [],
      locks: key ? [`table ${key.table}`, `table ${key.references}`] : [],
      weight: 0,
      run: (session) => runStatements(session, [definitionOf(entry, plan.tablespaces)]),
    };
  });
}
