import { describeEntry } from '../plan/division.js';
import type { LeftOut } from '../plan/left-out.js';
import { definitionOf, ownershipOf } from '../plan/schema-statements.js';
import type { Statement } from '../plan/statement.js';
import type { TocEntry } from '../postgres/archive/archive-toc.js';
import { databaseError } from '../postgres/database-error.js';
import { quoteIdentifier, quoteQualified } from '../postgres/quoting.js';
import type { Migration, Stage } from './migration.js';
import { excuseGrants, excuseMissingRights, runStatements } from './run-statements.js';

/**
 * Owners, then grants, since an owner's grants are the owner's to give. Both come after all that the connecting role
 * makes: what it has given away it may not be able to change.
 */
export const ownersAndPrivileges: Stage = async (migration) => {
  const { plan, target, leaveOut } = migration;
  if (plan.options.owners) {
    // What it has made is the connecting role's already.
    const chunks = plan.schema.chunks.filter(
      ({ owner = '' }) => plan.owners.ownerOf(owner) !== plan.target.server.role,
    );
    const entries = [...plan.schema.before, ...chunks, ...plan.schema.after];
    if (plan.target.server.isSuperuser) await giveToOwners(entries, migration);
    else await giveAwayWithoutSuperuser(entries, migration);
  }
  if (plan.options.privileges) {
    const grants = plan.schema.privileges
      .map((entry) => definitionOf(entry, plan.tablespaces))
      .map((grant) => (plan.target.server.isSuperuser ? grant : withoutGrantors(grant)));
    // In each attempt: what was made anew has lost its grants. The mark is what takes them back.
    await runStatements(target.session, grants, { excuse: excuseGrants, leaveOut, isMarked: true });
  }
};

/**
 * What another role than the owner granted, pg_dump writes as that role. Only a superuser may become it; by the owner,
 * the grant is the same to whom it is given.
 */
function withoutGrantors(grant: Statement): Statement {
  const strip = (sql: string): string =>
    sql.replace(
      /^(?:SET SESSION AUTHORIZATION (?:"(?:[^"]|"")*"|[^";]+)|RESET SESSION AUTHORIZATION);\n?/gm,
      '',
    );
  return { ...grant, sql: strip(grant.sql), undo: grant.undo && strip(grant.undo), definition: grant.sql };
}

async function giveToOwners(entries: readonly TocEntry[], migration: Migration): Promise<void> {
  const { plan, target, leaveOut, isLeftOut } = migration;
  const statements = entries
    .filter((entry) => !isLeftOut(describeEntry(entry)))
    .flatMap((entry) => ownershipOf(entry, plan.owners) ?? []);
  await runStatements(target.session, statements, { excuse: excuseMissingRights, leaveOut });
}

/**
 * Without superuser, an object can be given only to a role that the connecting one is a member of, and that may
 * create in the object's schema. So that right is granted for the moment; schemas go last.
 * Source: ATExecChangeOwner() in PostgreSQL's src/backend/commands/tablecmds.c.
 */
async function giveAwayWithoutSuperuser(entries: readonly TocEntry[], migration: Migration): Promise<void> {
  const { plan, target } = migration;
  const owned = entries.filter(
    ({ owner }) => owner && plan.owners.ownerOf(owner) !== plan.target.server.role,
  );
  const schemas = owned.filter(({ kind }) => kind === 'SCHEMA');
  const inSchemas = await temporaryRights(
    owned.filter(({ kind }) => kind !== 'SCHEMA'),
    migration,
  );
  const inDatabase = await temporaryRights(schemas, migration);
  for (const { grant } of inSchemas) await target.session.query(grant).catch(ignoreRefusal);
  const movable = await leaveWhatCannotMove(
    owned.filter(({ kind }) => kind !== 'SCHEMA'),
    migration,
  );
  await giveToOwners(movable, migration);
  // Once a schema is its new owner's, the right would be the owner's own.
  for (const { revoke } of inSchemas) await target.session.query(revoke).catch(ignoreRefusal);
  for (const { grant } of inDatabase) await target.session.query(grant).catch(ignoreRefusal);
  await giveToOwners(schemas, migration);
  for (const { revoke } of inDatabase) await target.session.query(revoke).catch(ignoreRefusal);
}

/** What is refused here shows when the owner is set. */
function ignoreRefusal(error: unknown): void {
  if (!databaseError(error)) throw error;
}

interface TemporaryRight {
  readonly grant: string;
  readonly revoke: string;
}

/** The rights to create that new owners lack, in the schemas of their objects or, for schemas, in the database. */
async function temporaryRights(
  entries: readonly TocEntry[],
  { plan, target }: Migration,
): Promise<TemporaryRight[]> {
  const rights = new Map<string, TemporaryRight>();
  for (const { owner = '', schema, kind } of entries) {
    const role = plan.owners.ownerOf(owner);
    const [type, name] = kind === 'SCHEMA' ? ['DATABASE', plan.target.server.database] : ['SCHEMA', schema];
    const key = JSON.stringify([type, name, role]);
    if (name === undefined || rights.has(key)) continue;
    const { has, isGranted } = await target.session.one<{ has: boolean | null; isGranted: boolean }>(
      `SELECT CASE WHEN pg_catalog.to_regrole(pg_catalog.quote_ident($1)) IS NOT NULL
                    ${type === 'SCHEMA' ? 'AND pg_catalog.to_regnamespace(pg_catalog.quote_ident($2)) IS NOT NULL' : ''}
              THEN pg_catalog.has_${type === 'SCHEMA' ? 'schema' : 'database'}_privilege($1, $2, 'CREATE') END AS has,
              EXISTS (SELECT FROM pg_catalog.pg_namespace n CROSS JOIN LATERAL pg_catalog.aclexplode(n.nspacl) AS a
                      JOIN pg_catalog.pg_roles r ON r.oid = a.grantee AND r.rolname = $1
                      WHERE n.nspname = $2 AND a.privilege_type = 'CREATE' AND a.grantee <> n.nspowner) AS "isGranted"`,
      [role, name],
    );
    // In a schema that the run has made, a grant before all grants is of an attempt that did not take it back.
    const isLeft = type === 'SCHEMA' && isGranted && !plan.target.schemas.includes(name);
    if (has === null || (has && !isLeft)) continue;
    rights.set(key, {
      grant: `GRANT CREATE ON ${type} ${quoteIdentifier(name)} TO ${quoteIdentifier(role)}`,
      revoke: `REVOKE CREATE ON ${type} ${quoteIdentifier(name)} FROM ${quoteIdentifier(role)}`,
    });
  }
  return [...rights.values()];
}

const READ_MAY_CREATE = `
SELECT p.schema, p.role FROM unnest($1::text[], $2::text[]) AS p (schema, role)
WHERE pg_catalog.to_regrole(pg_catalog.quote_ident(p.role)) IS NOT NULL
  AND pg_catalog.to_regnamespace(pg_catalog.quote_ident(p.schema)) IS NOT NULL
  AND pg_catalog.has_schema_privilege(p.role, p.schema, 'CREATE')
  AND pg_catalog.pg_has_role(p.role, 'MEMBER')`;

/**
 * Leaves a hypertable with the connecting role when its chunks cannot be given away: a hypertable whose owner does
 * not own its chunks cannot be compressed or dropped from.
 */
async function leaveWhatCannotMove(entries: readonly TocEntry[], migration: Migration): Promise<TocEntry[]> {
  const { plan, target, leaveOut } = migration;
  const pairs = [
    ...new Map(
      entries.map(({ schema = '', owner = '' }) => {
        const role = plan.owners.ownerOf(owner);
        return [JSON.stringify([schema, role]), { schema, role }];
      }),
    ).values(),
  ].filter(({ schema }) => schema !== '');
  const allowed = new Set(
    (
      await target.session.query<{ schema: string; role: string }>(READ_MAY_CREATE, [
        pairs.map(({ schema }) => schema),
        pairs.map(({ role }) => role),
      ])
    ).map(({ schema, role }) => JSON.stringify([schema, role])),
  );
  const mayMove = ({ schema, owner = '' }: TocEntry): boolean =>
    schema === undefined || allowed.has(JSON.stringify([schema, plan.owners.ownerOf(owner)]));

  const parentOf = new Map(plan.source.relations.map(({ oid, parent }) => [oid, parent]));
  const keptHypertables = new Map<number, number>();
  for (const entry of entries.filter((candidate) => candidate.kind === 'TABLE' && !mayMove(candidate))) {
    const parent = parentOf.get(entry.oid);
    if (parent !== undefined) keptHypertables.set(parent, (keptHypertables.get(parent) ?? 0) + 1);
  }
  const compressed = new Set(
    plan.source.relations
      .filter(({ kind, parent }) => kind === 'chunk' && parent === undefined)
      .map(({ oid }) => oid),
  );
  const kept: TocEntry[] = [];
  const movable = entries.filter((entry) => {
    // The relation of a chunk's compressed rows follows its hypertable when that gets its owner.
    if (compressed.has(entry.oid) && !mayMove(entry)) return false;
    const parent = parentOf.get(entry.oid);
    if (parent !== undefined && keptHypertables.has(parent)) return false; // told with its hypertable
    const chunks = keptHypertables.get(entry.oid);
    if (chunks === undefined && mayMove(entry)) return true;
    leaveOut(keptWithConnectingRole(ownershipOf(entry, plan.owners), chunks, plan.target.server.role));
    kept.push(entry);
    return false;
  });
  await runStatements(
    target.session,
    kept.flatMap((entry) => privilegesInstead(entry, migration)),
    {
      excuse: excuseMissingRights,
      leaveOut,
    },
  );
  return movable;
}

/** The owner of a view or function that reads the relation must still be allowed to. */
function privilegesInstead(
  { kind, schema = '', tag, owner = '' }: TocEntry,
  { plan }: Migration,
): Statement[] {
  if (!['TABLE', 'VIEW', 'MATERIALIZED VIEW', 'SEQUENCE'].includes(kind)) return [];
  const name = quoteQualified({ schema, name: tag });
  return [
    {
      sql: `GRANT ALL ON ${kind === 'SEQUENCE' ? 'SEQUENCE' : 'TABLE'} ${name} TO ${quoteIdentifier(plan.owners.ownerOf(owner))};`,
      object: `privileges of ${owner} on ${schema}.${tag}`,
    },
  ];
}

function keptWithConnectingRole(
  statement: Statement | undefined,
  chunks: number | undefined,
  role: string,
): LeftOut {
  return {
    object: `${statement?.object ?? 'owner'}${chunks === undefined ? '' : ` and of its ${chunks} chunks`}`,
    reason: `the new owner may not create in the schema, or ${role} is no member of it; ${role} stays the owner, and the other gets all privileges`,
    sql: statement?.sql.trim(),
  };
}
