import { type DoneMark, fingerprint, markDone } from '../engine/done.js';
import type { ConfigurationRelation } from '../inventory/extensions.js';
import { readSequenceValues } from '../inventory/sequences.js';
import { HyperferryError } from '../postgres/error.js';
import { quoteIdentifier, quoteLiteral, quoteQualified } from '../postgres/quoting.js';
import { relayCopies } from '../postgres/relay.js';
import type { Session } from '../postgres/session.js';
import { setMissingValues } from '../timescale/missing-values.js';
import { isColumnStatistics, isJobTable, isMetadata, isTablespaceCatalog } from '../timescale/timescale.js';
import type { Migration, Stage } from './migration.js';
import { setSequence } from './sequences.js';

/** The ledger's name for all configuration tables together. */
export const CONFIGURATION = 'configuration of extensions';

/**
 * The user's rows in the tables of extensions, TimescaleDB's catalog above all, in one transaction. As text: the
 * catalog refers to relations and roles by `regclass` and `regrole`, whose binary form is an OID. What an earlier
 * attempt has brought is replaced where the source has other rows by now.
 */
export const configuration: Stage = async (migration) => {
  const { plan, source, target, doneBefore } = migration;
  if (plan.target.server.isSuperuser) await setMissingValues(target.session, plan.source.missingValues);
  const relations = plan.source.extensions.flatMap((extension) => extension.configuration);
  const sequences = relations.filter(({ kind }) => kind === 'sequence');
  const tables = relations.filter(({ kind }) => kind === 'table');
  const mark = await configurationFingerprint(tables, migration);
  const earlier = doneBefore.find(({ object }) => object === CONFIGURATION);
  const hasRows = earlier !== undefined && earlier.fingerprint !== mark;
  if (hasRows && !plan.target.server.isSuperuser) throw cannotReplace(migration);
  const isThere = earlier?.fingerprint === mark;
  await target.session.transaction(async () => {
    if (hasRows) await emptyConfiguration(tables, earlier, target.session);
    const copies: ConfigurationCopy[] = [];
    // What stays behind is told again, also when the rest is there already.
    for (const relation of tables) copies.push(await configurationCopy(relation, migration));
    if (!isThere) {
      await relayConfiguration(copies, migration);
      await target.session.query(markDone([{ fingerprint: mark, object: CONFIGURATION }]));
    }
    const values = await readSequenceValues(source.session, sequences);
    if (values.length > 0) await target.session.query(values.map(setSequence).join(';\n'));
  });
};

/** All tables in one message to each side. */
async function relayConfiguration(
  copies: readonly ConfigurationCopy[],
  { plan, source, target }: Migration,
): Promise<void> {
  if (copies.length === 0) return;
  const relayed = await relayCopies(
    source.session,
    { copies: copies.map(({ out }) => out) },
    target.session,
    {
      copies: copies.map(({ into }) => into),
      after: plan.target.server.isSuperuser ? ['SET LOCAL session_replication_role = origin'] : [],
    },
  );
  if (relayed.state === 'failed') throw relayed.error;
}

async function configurationFingerprint(
  tables: readonly ConfigurationRelation[],
  { source }: Migration,
): Promise<string> {
  if (tables.length === 0) return fingerprint('configuration');
  const sums = tables.map((relation) => {
    const columns = relation.columns.map(quoteIdentifier).join(', ');
    return `(SELECT pg_catalog.md5(pg_catalog.string_agg(r::text, E'\\n' ORDER BY r::text))
     FROM (SELECT ${columns} FROM ONLY ${quoteQualified(relation)} ${relation.condition}) AS r)`;
  });
  const row = await source.session.one<{ sums: (string | null)[] }>(
    `SELECT ARRAY[${sums.join(', ')}] AS sums`,
  );
  const parts = tables.map((relation, index) => [quoteQualified(relation), row.sums[index] ?? '']);
  return fingerprint('configuration', ...parts.flat());
}

async function emptyConfiguration(
  tables: readonly ConfigurationRelation[],
  earlier: DoneMark,
  session: Session,
): Promise<void> {
  await session.query('SET LOCAL session_replication_role = replica');
  // A trigger turns what is there into an update.
  for (const relation of tables.filter((table) => !isMetadata(table))) {
    await session.query(`DELETE FROM ONLY ${quoteQualified(relation)} ${relation.condition}`);
  }
  await session.query('SET LOCAL session_replication_role = origin');
  await session.query('DELETE FROM _hyperferry.done WHERE fingerprint = $1', [earlier.fingerprint]);
}

function cannotReplace({ plan }: Migration): HyperferryError {
  return new HyperferryError(
    'SOURCE_REDEFINED',
    `TimescaleDB's catalog has changed on the source since it was copied, and ${plan.target.server.role} may not replace it on the target`,
    { isFinal: true },
  );
}

/** What each side is told of one table. */
interface ConfigurationCopy {
  readonly out: string;
  readonly into: string;
}

async function configurationCopy(
  relation: ConfigurationRelation,
  migration: Migration,
): Promise<ConfigurationCopy> {
  const columns = relation.columns.map(quoteIdentifier).join(', ');
  const values = isJobTable(relation) ? await jobValues(relation, migration) : columns;
  const name = quoteQualified(relation);
  const condition = await conditionFor(relation, migration);
  // TimescaleDB itself writes rows past the foreign keys of its catalog: chunk 0 stands for all chunks to come.
  const role = isMetadata(relation) ? 'origin' : 'replica';
  const set = migration.plan.target.server.isSuperuser
    ? `SET LOCAL session_replication_role = ${role};\n`
    : '';
  return {
    out: `COPY (SELECT ${values} FROM ONLY ${name} ${condition}) TO STDOUT`,
    into: `${set}COPY ${name} (${columns}) FROM STDIN`,
  };
}

/**
 * A hypertable's attached tablespaces stand in the catalog by name; one that the target lacks would fail the first
 * insert that needs a new chunk.
 */
async function conditionFor(relation: ConfigurationRelation, migration: Migration): Promise<string> {
  const { plan, source, leaveOut } = migration;
  if (isMetadata(relation)) return metadataCondition(relation, migration);
  if (isColumnStatistics(relation)) return columnStatisticsCondition(relation, migration);
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

/** The rows of chunk 0, which turn chunk skipping on for a column, break a foreign key that only a superuser gets past. */
async function columnStatisticsCondition(
  relation: ConfigurationRelation,
  migration: Migration,
): Promise<string> {
  const { plan, source, leaveOut } = migration;
  if (plan.target.server.isSuperuser) return relation.condition;
  const skipping = await source.session.query<{ table: string; column: string }>(
    `SELECT pg_catalog.format('%I.%I', h.schema_name, h.table_name) AS "table", s.column_name AS column
     FROM ${quoteQualified(relation)} s JOIN _timescaledb_catalog.hypertable h ON h.id = s.hypertable_id
     WHERE s.chunk_id = 0`,
  );
  for (const { table, column } of skipping) {
    leaveOut({
      object: `chunk skipping by column ${column} of ${table}`,
      reason: `${plan.target.server.role} is no superuser on the target`,
      sql: `SELECT enable_chunk_skipping(${quoteLiteral(table)}, ${quoteLiteral(column)});`,
    });
  }
  return `${relation.condition ? `${relation.condition} AND` : 'WHERE'} chunk_id <> 0`;
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
  const name = quoteQualified(relation);
  const owners = await source.session.query<{ owner: string; text: string; ids: string }>(
    `SELECT r.rolname AS owner, j.owner::text AS text, pg_catalog.string_agg(j.id::text, ', ' ORDER BY j.id) AS ids
     FROM ${name} j JOIN pg_catalog.pg_roles r ON r.oid = j.owner ${relation.condition} GROUP BY 1, 2`,
  );
  const cases: string[] = [];
  for (const { owner, text, ids } of owners) {
    const wanted = plan.owners.ownerOf(owner);
    const { may } = await target.session.one<{ may: boolean | null }>(READ_MAY_OWN_JOBS, [wanted]);
    const given = may ? wanted : plan.target.server.role;
    if (given === owner) continue;
    cases.push(`WHEN ${quoteLiteral(text)} THEN ${quoteLiteral(quoteIdentifier(given))}`);
    if (given !== wanted) {
      leaveOut({
        object: `background jobs of ${owner}`,
        reason: `${plan.target.server.role} is no member of that role on the target, so the jobs are its own there`,
        sql: `UPDATE ${name} SET owner = ${quoteLiteral(quoteIdentifier(wanted))} WHERE id IN (${ids});`,
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
