import { type DatabaseProperties, readDatabase } from '../inventory/database.js';
import { type Grant, grantStatements, mapGrantees } from '../plan/grant-statements.js';
import type { Statement } from '../plan/statement.js';
import { quoteIdentifier, quoteLiteral } from '../postgres/quoting.js';
import type { Migration, Stage } from './migration.js';
import { excuseGrants, excuseSettings, runStatements } from './run-statements.js';

/** The database's own settings, comment, template mark, owner and grants, which `pg_dump` leaves out without `--create`. Its limit comes last. */
export const database: Stage = async (migration) => {
  const { plan, target, leaveOut } = migration;
  await runStatements(target.session, plan.roles.databaseSettings, { excuse: excuseSettings, leaveOut });
  const statements = properties(migration, await readDatabase(target.session));
  await runStatements(target.session, statements, { excuse: excuseGrants, leaveOut });
};

/** @param now what the target's has: an earlier attempt may have given it what the source's has no more */
function properties({ plan }: Migration, now: DatabaseProperties): Statement[] {
  const { isTemplate, grants } = plan.source.database;
  const comment = plan.source.database.comment ?? plan.target.database.comment;
  const owner = plan.owners.ownerOf(plan.source.database.owner);
  const name = `DATABASE ${quoteIdentifier(plan.target.server.database)}`;
  const statements: Statement[] = [];
  if (comment !== now.comment) {
    statements.push({
      sql: `COMMENT ON ${name} IS ${comment === null ? 'NULL' : quoteLiteral(comment)};`,
      object: 'comment of the database',
    });
  }
  if (isTemplate !== now.isTemplate) {
    statements.push({
      sql: `ALTER ${name} IS_TEMPLATE ${isTemplate};`,
      object: 'template mark of the database',
    });
  }
  if (plan.options.owners && owner !== now.owner) {
    statements.push({
      sql: `ALTER ${name} OWNER TO ${quoteIdentifier(owner)};`,
      object: 'owner of the database',
    });
  }
  const given = mapGrantees(grants ?? [], plan.owners);
  if (plan.options.privileges && grants && !areSame(given, now.grants ?? [])) {
    const others = new Set(plan.target.database.grants?.map(({ grantee }) => grantee));
    const ours = [...given, ...(now.grants ?? []).filter(({ grantee }) => !others.has(grantee))];
    const grantees = new Set(['', owner, ...ours.map(({ grantee }) => grantee)]);
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

function areSame(some: readonly Grant[], others: readonly Grant[]): boolean {
  const text = (grants: readonly Grant[]): string =>
    grants
      .map(({ grantee, privilege, grantable }) => JSON.stringify([grantee, privilege, grantable]))
      .sort()
      .join();
  return text(some) === text(others);
}
