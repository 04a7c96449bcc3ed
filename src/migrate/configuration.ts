import { type DoneMark, fingerprint, markDone } from '../engine/done.js';
import type { ConfigurationRelation } from '../inventory/extensions.js';
import { setSequence } from '../plan/set-sequence.js';
import { HyperferryError } from '../postgres/error.js';
import { quoteIdentifier, quoteLiteral, quoteQualified } from '../postgres/quoting.js';
import type { Session } from '../postgres/session.js';
import { setMissingValues } from '../timescale/missing-values.js';
import {
  HYPERTABLE_CATALOG,
  isColumnStatistics,
  isJobTable,
  isMetadata,
  isTablespaceCatalog,
} from '../timescale/timescale.js';
import { type ConfigurationPart, type ConfigurationRows, fingerprintOf } from './configuration-rows.js';
import type { Migration, Stage } from './migration.js';

/** The ledger's name for all configuration tables together. */
export const CONFIGURATION = 'configuration of extensions';

/**
 * The user's rows in the tables of extensions, TimescaleDB's catalog above all, in one transaction. As text: the
 * catalog refers to relations and roles by `regclass` and `regrole`, whose binary form is an OID. What an earlier
 * attempt has brought is replaced where the source has other rows by now, or where it is no longer as it came.
 */
export const configuration: Stage = async (migration) => {
  const { plan, source, target, doneBefore } = migration;
  if (plan.target.server.isSuperuser) await setMissingValues(target.session, plan.source.missingValues);
  const relations = plan.source.extensions.flatMap((extension) => extension.configuration);
  const sequences = relations.filter(({ kind }) => kind === 'sequence');
  const tables = relations.filter(({ kind }) => kind === 'table');
  await target.session.transaction(async () => {
    const rows = await source.snapshot.openConfiguration(target.session);
    const wanted = await rows.fingerprint(tables);
    // By their OIDs, rows refer to tables; of one that was made anew since, they have a number where the name was.
    const readMark = async () => fingerprint(wanted, await fingerprintOf(tables, target.session));
    const earlier = doneBefore.find(({ object }) => object === CONFIGURATION);
    const isThere = earlier !== undefined && earlier.fingerprint === (await readMark());
    if (earlier && !isThere) {
      if (!plan.target.server.isSuperuser) throw cannotReplace(migration);
      await emptyConfiguration(tables, earlier, target.session);
    }
    const parts: ConfigurationPart[] = [];
    // What stays behind is told again, also when the rest is there already.
    for (const table of tables) parts.push(await configurationPart(table, rows, migration));
    if (!isThere) {
      await rows.bring(parts);
      if (plan.target.server.isSuperuser)
        await target.session.query('SET LOCAL session_replication_role = origin');
      await target.session.query(markDone([{ fingerprint: await readMark(), object: CONFIGURATION }]));
    }
    const values = await source.snapshot.readSequenceValues(sequences);
    if (values.length > 0) await target.session.query(values.map(setSequence).join(';\n'));
  });
};

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
    `TimescaleDB's catalog has changed on the source since it was copied, or a table that it refers to, and ${plan.target.server.role} may not replace it on the target`,
    { isFinal: true },
  );
}

async function configurationPart(
  table: ConfigurationRelation,
  rows: ConfigurationRows,
  migration: Migration,
): Promise<ConfigurationPart> {
  // TimescaleDB itself writes rows past the foreign keys of its catalog: chunk 0 stands for all chunks to come.
  const role = isMetadata(table) ? 'origin' : 'replica';
  return {
    table,
    values: isJobTable(table) ? await jobValues(table, rows, migration) : table.columns.map(quoteIdentifier),
    condition: await conditionFor(table, rows, migration),
    before: migration.plan.target.server.isSuperuser ? `SET LOCAL session_replication_role = ${role};\n` : '',
  };
}

/**
 * A hypertable's attached tablespaces stand in the catalog by name; one that the target lacks would fail the first
 * insert that needs a new chunk.
 */
async function conditionFor(
  table: ConfigurationRelation,
  rows: ConfigurationRows,
  migration: Migration,
): Promise<string> {
  const { plan, leaveOut } = migration;
  const condition = rows.conditionOf(table);
  if (isMetadata(table)) return metadataCondition(table, rows, migration);
  if (isColumnStatistics(table)) return columnStatisticsCondition(table, rows, migration);
  if (!isTablespaceCatalog(table)) return condition;
  const attached = await rows.session.query<{ name: string }>(
    `SELECT DISTINCT tablespace_name::text AS name FROM ${rows.from(table)} ORDER BY 1`,
  );
  const missing = attached.map(({ name }) => name).filter((name) => !plan.tablespaces.has(name));
  if (missing.length === 0) return condition;
  leaveOut({
    object: `attachment of hypertables to the tablespaces ${missing.join(', ')}`,
    reason: 'the target has no tablespace of that name; new chunks go to the default one',
  });
  const names = missing.map(quoteLiteral).join(', ');
  return also(condition, `tablespace_name::text NOT IN (${names})`);
}

/** The rows of chunk 0, which turn chunk skipping on for a column, break a foreign key that only a superuser gets past. */
async function columnStatisticsCondition(
  table: ConfigurationRelation,
  rows: ConfigurationRows,
  migration: Migration,
): Promise<string> {
  const { plan, leaveOut } = migration;
  const condition = rows.conditionOf(table);
  if (plan.target.server.isSuperuser) return condition;
  const skipping = await rows.session.query<{ table: string; column: string }>(
    `SELECT pg_catalog.format('%I.%I', h.schema_name, h.table_name) AS "table", s.column_name AS column
     FROM ${rows.from(table)} s JOIN ${rows.from(HYPERTABLE_CATALOG)} h ON h.id = s.hypertable_id
     WHERE s.chunk_id::text = '0'`,
  );
  for (const { table: hypertable, column } of skipping) {
    leaveOut({
      object: `chunk skipping by column ${column} of ${hypertable}`,
      reason: `${plan.target.server.role} is no superuser on the target`,
      sql: `SELECT enable_chunk_skipping(${quoteLiteral(hypertable)}, ${quoteLiteral(column)});`,
    });
  }
  return also(condition, `chunk_id::text <> '0'`);
}

/**
 * A trigger turns a key that the target has already into an update. Where the connecting role may not update the
 * table, those keys stay as the target has them: they tell when and as what the extension was installed there.
 */
async function metadataCondition(
  table: ConfigurationRelation,
  rows: ConfigurationRows,
  { target }: Migration,
): Promise<string> {
  const name = quoteQualified(table);
  const { may } = await target.session.one<{ may: boolean }>(
    `SELECT pg_catalog.has_table_privilege($1, 'UPDATE') AS may`,
    [name],
  );
  if (may) return rows.conditionOf(table);
  const there = await target.session.query<{ key: string }>(`SELECT key::text AS key FROM ${name}`);
  const keys = there.map(({ key }) => quoteLiteral(key)).join(', ') || "''";
  return also(rows.conditionOf(table), `key::text NOT IN (${keys})`);
}

/** The columns of the job table, each owner as the target has it. */
async function jobValues(
  table: ConfigurationRelation,
  rows: ConfigurationRows,
  migration: Migration,
): Promise<string[]> {
  const { plan, target, leaveOut } = migration;
  const owners = await rows.session.query<{ owner: string; text: string; ids: string }>(
    `SELECT (pg_catalog.parse_ident(text))[1] AS owner, text, ids
     FROM (SELECT owner::text AS text, pg_catalog.string_agg(id::text, ', ' ORDER BY id) AS ids
           FROM ${rows.from(table)} ${rows.conditionOf(table)} GROUP BY 1) AS j
     WHERE text !~ '^[0-9]+$' -- a role that is gone`,
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
        sql: `UPDATE ${quoteQualified(table)} SET owner = ${quoteLiteral(quoteIdentifier(wanted))} WHERE id IN (${ids});`,
      });
    }
  }
  return table.columns.map((column) =>
    column === 'owner' && cases.length > 0
      ? `CASE owner::text ${cases.join(' ')} ELSE owner::text END`
      : quoteIdentifier(column),
  );
}

const READ_MAY_OWN_JOBS = `
SELECT pg_catalog.to_regrole(pg_catalog.quote_ident($1)) IS NOT NULL
       AND (SELECT pg_catalog.pg_has_role(oid, 'MEMBER') FROM pg_catalog.pg_roles WHERE rolname = $1) AS may`;

function also(condition: string, another: string): string {
  return condition === '' ? `WHERE ${another}` : `${condition} AND ${another}`;
}
