import { grantStatements, mapGrantees } from '../plan/grant-statements.js';
import type { Statement } from '../plan/statement.js';
import { quoteIdentifier, quoteLiteral } from '../postgres/quoting.js';
import type { Migration, Stage } from './migration.js';
import { excuseGrants, excuseSettings, runStatements } from './run-statements.js';

/** The database's own settings, comment, owner and grants, which `pg_dump` leaves out without `--create`. Its limit comes last. */
export const database: Stage = async (migration) => {
  const { plan, target, leaveOut } = migration;
  await runStatements(target.session, plan.roles.databaseSettings, { excuse: excuseSettings, leaveOut });
  await runStatements(target.session, properties(migration), { excuse: excuseGrants, leaveOut });
};

function properties({ plan }: Migration): Statement[] {
  const { comment, grants } = plan.source.database;
  const owner = plan.owners.ownerOf(plan.source.database.owner);
  const name = `DATABASE ${quoteIdentifier(plan.target.server.database)}`;
  const statements: Statement[] = [];
  if (comment !== null) {
    statements.push({
      sql: `COMMENT ON ${name} IS ${quoteLiteral(comment)};`,
      object: 'comment of the database',
    });
  }
  if (plan.options.owners && owner !== plan.target.database.owner) {
    statements.push({
      sql: `ALTER ${name} OWNER TO ${quoteIdentifier(owner)};`,
      object: 'owner of the database',
    });
  }
  if (plan.options.privileges && grants) {
    const given = mapGrantees(grants, plan.owners);
    const grantees = new Set(['', owner, ...given.map(({ grantee }) => grantee)]);
    for (const grantee of grantees) {
      statements.push({
        sql: `REVOKE ALL ON ${name} FROM ${grantee === '' ? 'PUBLIC' : quoteIdentifier(grantee)};`,
        object: `grants on the database for ${grantee || 'PUBLIC'}`,
      });
    }
    statements.push(...grantStatements(name, given));
  }
  return statements;
}
