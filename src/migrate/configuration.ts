import type { ConfigurationRelation } from '../inventory/extensions.js';
import { readSequenceValues } from '../inventory/sequences.js';
import { quoteIdentifier, quoteLiteral, quoteQualified } from '../postgres/quoting.js';
import { relayCopy } from '../postgres/relay.js';
import { isTablespaceCatalog } from '../timescale/timescale.js';
import type { Migration, Stage } from './migration.js';
import { setSequence } from './sequences.js';

/**
 * The users' rows in the tables of extensions, TimescaleDB's catalog above all, in one transaction. As text: the
 * catalog refers to relations and roles by `regclass` and `regrole`, whose binary form is an OID.
 */
export const configuration: Stage = async (migration) => {
  const { plan, source, target } = migration;
  const relations = plan.source.extensions.flatMap((extension) => extension.configuration);
  const sequences = relations.filter(({ kind }) => kind === 'sequence');
  await target.session.transaction(async () => {
    for (const relation of relations.filter(({ kind }) => kind === 'table')) {
      const columns = relation.columns.map(quoteIdentifier).join(', ');
      const name = quoteQualified(relation);
      await relayCopy(
        source.session,
        `COPY (SELECT ${columns} FROM ONLY ${name} ${await conditionFor(relation, migration)}) TO STDOUT`,
        target.session,
        `COPY ${name} (${columns}) FROM STDIN`,
      );
    }
    for (const value of await readSequenceValues(source.session, sequences)) {
      await target.session.query(setSequence(value));
    }
  });
};

/**
 * A hypertable's attached tablespaces stand in the catalog by name; one that the target lacks would fail the first
 * insert that needs a new chunk.
 */
async function conditionFor(relation: ConfigurationRelation, migration: Migration): Promise<string> {
  const { plan, source, leaveOut } = migration;
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
