import { quoteIdentifier, quoteLiteral } from '../postgres/quoting.js';
import type { Session } from '../postgres/session.js';
import type { Timescale } from './timescale.js';

const READ_JOBS = 'SELECT job_id AS id FROM timescaledb_information.jobs WHERE job_id >= 1000';

const READ_AGGREGATES = `
SELECT pg_catalog.format('%I.%I', user_view_schema, user_view_name) AS name
FROM _timescaledb_catalog.continuous_agg`;

const READ_HYPERTABLE_NAMES = `
SELECT pg_catalog.format('%I.%I', schema_name, table_name) AS name FROM _timescaledb_catalog.hypertable`;

/** Drops what is TimescaleDB's by its own means, where the extension may not be dropped or its hooks not be turned off. */
export async function dropHypertables(
  session: Session,
  { schema }: Pick<Timescale, 'schema'>,
): Promise<void> {
  for (const { id } of await session.query<{ id: number }>(READ_JOBS)) {
    await session.query(`SELECT ${quoteIdentifier(schema)}.delete_job($1)`, [id]);
  }
  for (const { name } of await session.query<{ name: string }>(READ_AGGREGATES)) {
    await session.query(`DROP MATERIALIZED VIEW IF EXISTS ${name} CASCADE`);
  }
  for (const { name } of await session.query<{ name: string }>(READ_HYPERTABLE_NAMES)) {
    const { exists } = await session.one<{ exists: boolean }>(
      `SELECT pg_catalog.to_regclass(${quoteLiteral(name)}) IS NOT NULL AS exists`,
    );
    if (exists) await session.query(`DROP TABLE ${name} CASCADE`);
  }
}
