import type { LargeObject } from '../inventory/large-objects.js';
import { grantStatements, mapGrantees } from '../plan/grant-statements.js';
import type { Statement } from '../plan/statement.js';
import { quoteIdentifier, quoteLiteral } from '../postgres/quoting.js';
import type { Migration, Stage } from './migration.js';
import { excuseGrants, runStatements } from './run-statements.js';
import { workOnQueue } from './work-on-queue.js';

/** Large objects with their OIDs, owners, grants and comments. */
export const largeObjects: Stage = async (migration) => {
  const { plan, target, leaveOut } = migration;
  await workOnQueue('large objects', migration);
  await runStatements(
    target.session,
    plan.source.largeObjects.flatMap((object) => propertiesOf(object, migration)),
    { excuse: excuseGrants, leaveOut },
  );
};

function propertiesOf(object: LargeObject, { plan }: Migration): Statement[] {
  const name = `LARGE OBJECT ${object.oid}`;
  return [
    ...(object.comment === null
      ? []
      : [{ sql: `COMMENT ON ${name} IS ${quoteLiteral(object.comment)};`, object: `comment of ${name}` }]),
    ...(plan.options.owners
      ? [
          {
            sql: `ALTER ${name} OWNER TO ${quoteIdentifier(plan.owners.ownerOf(object.owner))};`,
            object: `owner of ${name}`,
          },
        ]
      : []),
    ...(plan.options.privileges ? grantStatements(name, mapGrantees(object.grants, plan.owners)) : []),
  ];
}
