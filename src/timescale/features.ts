import type { Session } from '../postgres/session.js';

/** What a database uses of TimescaleDB beyond hypertables: the names of what uses it. */
export interface Features {
  readonly compressedHypertables: readonly string[];
  readonly continuousAggregates: readonly string[];
  /** Continuous aggregates of the form before 2.7, which store partial aggregate states. */
  readonly partialAggregates: readonly string[];
  readonly policies: readonly string[];
  /** Hypertables spread over several servers, a form that 2.14 removed. */
  readonly distributedHypertables: readonly string[];
}

/** Of a database without TimescaleDB. */
export const NO_FEATURES: Features = {
  compressedHypertables: [],
  continuousAggregates: [],
  partialAggregates: [],
  policies: [],
  distributedHypertables: [],
};

/**
 * The catalog's columns differ between versions; read as JSON, one that is not there is null. A compressed
 * hypertable is told by the relation that has its settings, or by the flag of versions before 2.14.
 */
const READ_COMPRESSED = `
SELECT DISTINCT pg_catalog.format('%I.%I', h.schema_name, h.table_name) AS name
FROM _timescaledb_catalog.hypertable h
WHERE (pg_catalog.to_jsonb(h)->>'compression_state')::int = 1
   OR EXISTS (SELECT FROM _timescaledb_catalog.compression_settings s
              WHERE s.relid = pg_catalog.to_regclass(pg_catalog.format('%I.%I', h.schema_name, h.table_name)))
ORDER BY 1`;

const READ_COMPRESSED_BY_STATE = `
SELECT DISTINCT pg_catalog.format('%I.%I', h.schema_name, h.table_name) AS name
FROM _timescaledb_catalog.hypertable h
WHERE (pg_catalog.to_jsonb(h)->>'compression_state')::int = 1
ORDER BY 1`;

const READ_AGGREGATES = `
SELECT pg_catalog.format('%I.%I', user_view_schema, user_view_name) AS name,
       COALESCE(pg_catalog.to_jsonb(a)->>'finalized' = 'false', false) AS partial
FROM _timescaledb_catalog.continuous_agg a
ORDER BY 1`;

const READ_POLICIES = `
SELECT pg_catalog.format('job %s (%s)', job_id, proc_name) AS name
FROM timescaledb_information.jobs
WHERE job_id >= 1000 AND proc_schema IN ('_timescaledb_functions', '_timescaledb_internal')
ORDER BY job_id`;

const READ_DISTRIBUTED = `
SELECT pg_catalog.format('%I.%I', schema_name, table_name) AS name
FROM _timescaledb_catalog.hypertable h
WHERE (pg_catalog.to_jsonb(h)->>'replication_factor')::int IS NOT NULL
ORDER BY 1`;

export async function readFeatures(session: Session): Promise<Features> {
  const names = async (query: string): Promise<string[]> =>
    (await session.query<{ name: string }>(query)).map(({ name }) => name);
  const { hasSettings } = await session.one<{ hasSettings: boolean }>(
    `SELECT pg_catalog.to_regclass('_timescaledb_catalog.compression_settings') IS NOT NULL AS "hasSettings"`,
  );
  const [aggregates, compressedHypertables, policies, distributedHypertables] = await Promise.all([
    session.query<{ name: string; partial: boolean }>(READ_AGGREGATES),
    names(hasSettings ? READ_COMPRESSED : READ_COMPRESSED_BY_STATE),
    names(READ_POLICIES),
    names(READ_DISTRIBUTED),
  ]);
  return {
    compressedHypertables,
    continuousAggregates: aggregates.map(({ name }) => name),
    partialAggregates: aggregates.filter(({ partial }) => partial).map(({ name }) => name),
    policies,
    distributedHypertables,
  };
}
