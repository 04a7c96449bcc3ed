import { randomUUID } from 'node:crypto';
import type { Inventory } from '../inventory/inventory.js';
import { grantStatements } from '../plan/grant-statements.js';
import { roleStatements } from '../plan/role-statements.js';
import type { Statement } from '../plan/statement.js';
import { quoteIdentifier, quoteLiteral } from '../postgres/quoting.js';
import { putJobOff } from '../timescale/job-starts.js';
import type { JobStart } from '../timescale/jobs.js';
import { type MissingValue, setMissingValue } from '../timescale/missing-values.js';
import { setOwnJob } from '../timescale/own-jobs.js';

/** psql puts the name of the database that it is connected to in its place. */
const DATABASE_VARIABLE = ':"DBNAME"';

/** Stands for the database in statements, until psql's variable does. Nothing that a comment or a setting says can be it. */
const PLACEHOLDER = randomUUID();

/** What `pg_dumpall --roles-only` gives, less what every server has; of a role that is there already, only its settings and memberships. */
export function rolesScript(source: Inventory, passwords: ReadonlyMap<string, string>): string {
  const { create, memberships, settings, parameterGrants } = statementsFor(source, passwords);
  return script('Roles of the source, for psql and a superuser of the target.', [
    ...create.map(ifRoleIsMissing),
    ...memberships.map(sqlOf),
    ...settings.map(sqlOf),
    ...parameterGrants.map(sqlOf),
  ]);
}

/** What `pg_dump` without `--create` leaves out: settings, comment, limit, template mark, owner and grants of the database. */
export function databaseScript(source: Inventory): string {
  const { comment, connectionLimit, isTemplate, grants, owner } = source.database;
  const name = `DATABASE ${quoteIdentifier(PLACEHOLDER)}`;
  const statements = [
    ...(comment === null ? [] : [`COMMENT ON ${name} IS ${quoteLiteral(comment)};`]),
    ...(connectionLimit === -1 ? [] : [`ALTER ${name} CONNECTION LIMIT ${connectionLimit};`]),
    ...(isTemplate ? [`ALTER ${name} IS_TEMPLATE true;`] : []),
    `ALTER ${name} OWNER TO ${quoteIdentifier(owner)};`,
    ...(grants
      ? [
          `REVOKE ALL ON ${name} FROM PUBLIC;`,
          `REVOKE ALL ON ${name} FROM ${quoteIdentifier(owner)};`,
          ...grantStatements(name, grants).map(sqlOf),
        ]
      : []),
    ...statementsFor(source, new Map()).databaseSettings.map(sqlOf),
  ];
  return script(
    'Properties of the database itself, for psql in the target database.',
    statements.map((sql) => sql.replaceAll(quoteIdentifier(PLACEHOLDER), DATABASE_VARIABLE)),
  );
}

/** What no entry of an archive can hold: the values of columns that compressed rows are older than. */
export function missingValuesScript(values: readonly MissingValue[]): string {
  return script(
    'Values of columns that were added after rows of the chunk had been compressed, for psql and a superuser.',
    values.map(setMissingValue),
  );
}

/** psql takes a script to be in the database's encoding, where it is not told. */
function script(title: string, statements: readonly string[]): string {
  return [`-- ${title}`, "SET client_encoding = 'UTF8';", ...statements, ''].join('\n');
}

/** What stands in tables and rows that no dump holds: without, all jobs run as soon as restore mode has ended. */
export function backgroundJobsScript(starts: readonly JobStart[], { ownJobs, timescale }: Inventory): string {
  return script(
    "When the background jobs run next, and how TimescaleDB's own are set, for psql and a superuser: before restore mode ends.",
    [...starts.map(putJobOff), ...(timescale ? ownJobs.map((job) => setOwnJob(job, timescale)) : [])],
  );
}

/** For a server that has no roles yet but its first superuser. */
function statementsFor(source: Inventory, passwords: ReadonlyMap<string, string>) {
  const server = { ...source.server, role: 'postgres', isSuperuser: true, database: PLACEHOLDER };
  return roleStatements(
    source,
    { ...source, server, roles: { roles: [], memberships: [], settings: [], parameterGrants: [] } },
    passwords,
  );
}

function ifRoleIsMissing({ sql, object }: Statement): string {
  const name = object.replace(/^role /, '');
  return `SELECT NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = ${quoteLiteral(name)}) AS missing \\gset\n\\if :missing\n${sql}\n\\endif`;
}

function sqlOf({ sql }: Statement): string {
  return sql;
}
