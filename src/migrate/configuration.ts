import type { ConfigurationRelation, Extension } from '../inventory/extensions.js';
import { readSequenceValues } from '../inventory/sequences.js';
import { quoteIdentifier, quoteLiteral, quoteQualified } from '../postgres/quoting.js';
import { relayCopy } from '../postgres/relay.js';
import { isJobTable, isMetadata, isTablespaceCatalog } from '../timescale/timescale.js';
import type { Migration, Stage } from './migration.js';
import { setSequence } from './sequences.js';

/** The user's rows in the tables of extensions, which rows and functions of the user's may refer to. */
export const configuration: Stage = (migration) =>
  copyConfiguration(
    migration.plan.source.extensions.filter(({ name }) => name !== 'timescaledb'),
    migration,
  );

/**
 * TimescaleDB's catalog, when all rows and keys stand: from then on its chunks are chunks, and a frozen one takes
 * no more rows, in restore mode neither.
 */
export const hypertableCatalog: Stage = (migration) =>
  copyConfiguration(
    migration.plan.source.extensions.filter(({ name }) => name === 'timescaledb'),
    migration,
  );

/** In one transaction, and as text: `regclass` and `regrole` refer to relations and roles by OID in binary form. */
async function copyConfiguration(extensions: readonly Extension[], migration: Migration): Promise<void> {
  const { source, target } = migration;
  const relations = extensions.flatMap((extension) => extension.configuration);
  const sequences = relations.filter(({ kind }) => kind === 'sequence');
  await target.session.transaction(async () => {
    for (const relation of relations.filter(({ kind }) => kind === 'table')) {
      const columns = relation.columns.map(quoteIdentifier).join(', ');
      const values = isJobTable(relation) ? await jobValues(relation, migration) : columns;
      const name = quoteQualified(relation);
      await relayCopy(
        source.session,
        `COPY (SELECT ${values} FROM ONLY ${name} ${await conditionFor(relation, migration)}) TO STDOUT`,
        target.session,
        `COPY ${name} (${columns}) FROM STDIN`,
      );
    }
    for (const value of await readSequenceValues(source.session, sequences)) {
      await target.session.query(setSequence(value));
    }
  });
}

/**
 * A hypertable's attached tablespaces stand in the catalog by name; one that the target lacks would fail the first
 * insert that needs a new chunk.
 */
async function conditionFor(relation: ConfigurationRelation, migration: Migration): Promise<string> {
  const { plan, source, leaveOut } = migration;
  if (isMetadata(relation)) return metadataCondition(relation, migration);
  if (!isTablespaceCatalog(relation)) return relation.condition;
  const attached = await source.session.query<{ name: string }>(
    `SELECT DISTINCT tablespace_name::text AS name FROM ${quoteQualified(relation)} ORDER BY 1`,
  );
  const missing = attached.map(({ name }) => name).filter((name) => !plan.tablespaces.has(name));
  if (missing.length === 0) return relation.condition;
  leaveOut({
    object: `attachment of hypertables to the tablespaces ${missing.join(', ')}`,
    reason: 'the target has no tablespace of that name; new chunks go to the default one',
  });
  const names = missing.map(quoteLiteral).join(', ');
  return `${relation.condition ? `${relation.condition} AND` : 'WHERE'} tablespace_name::text NOT IN (${names})`;
}

/**
 * A trigger turns a key that the target has already into an update. Where the connecting role may not update the
 * table, those keys stay as the target has them: they tell when and as what the extension was installed there.
 */
async function metadataCondition(relation: ConfigurationRelation, { target }: Migration): Promise<string> {
  const name = quoteQualified(relation);
  const { may } = await target.session.one<{ may: boolean }>(
    `SELECT pg_catalog.has_table_privilege($1, 'UPDATE') AS may`,
    [name],
  );
  if (may) return relation.condition;
  const there = await target.session.query<{ key: string }>(`SELECT key::text AS key FROM ${name}`);
  const keys = there.map(({ key }) => quoteLiteral(key)).join(', ') || "''";
  return `${relation.condition ? `${relation.condition} AND` : 'WHERE'} key::text NOT IN (${keys})`;
}

/** The columns of the job table, each owner as the target has it. */
async function jobValues(relation: ConfigurationRelation, migration: Migration): Promise<string> {
  const { plan, source, target, leaveOut } = migration;
  const owners = await source.session.query<{ owner: string; text: string }>(
    `SELECT DISTINCT r.rolname AS owner, j.owner::text AS text
     FROM ${quoteQualified(relation)} j JOIN pg_catalog.pg_roles r ON r.oid = j.owner ${relation.condition}`,
  );
  const cases: string[] = [];
  for (const { owner, text } of owners) {
    const wanted = plan.owners.ownerOf(owner);
    const { may } = await target.session.one<{ may: boolean | null }>(READ_MAY_OWN_JOBS, [wanted]);
    const given = may ? wanted : plan.target.server.role;
    if (given === owner) continue;
    cases.push(`WHEN ${quoteLiteral(text)} THEN ${quoteLiteral(quoteIdentifier(given))}`);
    if (given !== wanted) {
      leaveOut({
        object: `background jobs of ${owner}`,
        reason: `${plan.target.server.role} is no member of that role on the target, so the jobs are its own there`,
        sql: `SELECT alter_job(job_id) FROM timescaledb_information.jobs; -- as ${owner}, or name an owner: --role-map ${owner}=…`,
      });
    }
  }
  return relation.columns
    .map((column) =>
      column === 'owner' && cases.length > 0
        ? `CASE owner::text ${cases.join(' ')} ELSE owner::text END`
        : quoteIdentifier(column),
    )
    .join(', ');
}

const READ_MAY_OWN_JOBS = `
SELECT pg_catalog.to_regrole(pg_catalog.quote_ident($1)) IS NOT NULL
       AND (SELECT pg_catalog.pg_has_role(oid, 'MEMBER') FROM pg_catalog.pg_roles WHERE rolname = $1) AS may`;
