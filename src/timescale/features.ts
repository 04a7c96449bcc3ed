import type { Session } from '../postgres/session.js';

/** What a database uses of TimescaleDB beyond hypertables: the names of what uses it. */
export interface Features {
  readonly compressedHypertables: readonly string[];
  readonly continuousAggregates: readonly string[];
  /** Continuous aggregates of the form before 2.7, which store partial aggregate states. */
  readonly partialAggregates: readonly string[];
  /** Continuous aggregates that compute what is newer than what they store, when they are read. */
  readonly realTimeAggregates: readonly string[];
  readonly policies: readonly string[];
  /** Hypertables spread over several servers, a form that 2.14 removed. */
  readonly distributedHypertables: readonly string[];
  /** Compressed columns whose values are OIDs of objects (`regclass` and its like), as `column of hypertable`. */
  readonly compressedOids: readonly string[];
  /** Space dimensions by hashes of OIDs, such as those of enums, as `column of hypertable`. */
  readonly oidPartitions: readonly string[];
  /** Hypertables and chunks of the access method that came with 2.18 and went with 2.22. */
  readonly hypercore: readonly string[];
}

/** Of a database without TimescaleDB. */
export const NO_FEATURES: Features = {
  compressedHypertables: [],
  continuousAggregates: [],
  partialAggregates: [],
  realTimeAggregates: [],
  policies: [],
  distributedHypertables: [],
  compressedOids: [],
  oidPartitions: [],
  hypercore: [],
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

/**
 * Whether they are finalized stands there from 2.7 to 2.24. Before, none was, and the catalog had the width of their
 * buckets; after, all are. Source: sql/updates/2.6.1--2.7.0.sql, which gives all that are there `finalized = FALSE`.
 */
const READ_AGGREGATES = `
SELECT pg_catalog.format('%I.%I', user_view_schema, user_view_name) AS name,
       COALESCE(c.columns->>'finalized' = 'false', c.columns->'bucket_width' IS NOT NULL) AS partial,
       NOT materialized_only AS "isRealTime"
FROM _timescaledb_catalog.continuous_agg a CROSS JOIN LATERAL (SELECT pg_catalog.to_jsonb(a)) AS c (columns)
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

const OIDS_OF_OBJECTS = `t.typname LIKE 'reg%' AND t.typcategory = 'N' AND t.oid < 16384`;

/** The types of a kind, and those that are made of them: domains, arrays, ranges, composites. */
function typesOf(kind: string): string {
  return `
WITH RECURSIVE part (whole, oid) AS MATERIALIZED (
  SELECT t.oid, t.typbasetype FROM pg_catalog.pg_type t WHERE t.typtype = 'd'
  UNION ALL
  SELECT t.oid, t.typelem FROM pg_catalog.pg_type t WHERE t.typelem <> 0
  UNION ALL
  SELECT r.rngtypid, r.rngsubtype FROM pg_catalog.pg_range r
  UNION ALL
  -- Multiranges came with PostgreSQL 14.
  SELECT (pg_catalog.to_jsonb(r)->>'rngmultitypid')::oid, r.rngsubtype FROM pg_catalog.pg_range r
  UNION ALL
  -- Not the row types of tables, which are many.
  SELECT c.reltype, a.atttypid
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
  WHERE c.relkind = 'c'
), made (oid) AS (
  SELECT t.oid FROM pg_catalog.pg_type t WHERE ${kind}
  UNION
  SELECT p.whole FROM part p JOIN made m ON m.oid = p.oid
)`;
}

const HYPERTABLE_COLUMNS = `
SELECT pg_catalog.format('%I of %I.%I', a.attname, h.schema_name, h.table_name) AS name
FROM _timescaledb_catalog.hypertable h
JOIN pg_catalog.pg_namespace n ON n.nspname = h.schema_name
JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = h.table_name
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE a.atttypid IN (SELECT oid FROM made)`;

/** What chunks are segmented by is stored as it is. SEGMENT_BY stands for what the catalog says of it, from 2.14 on. */
const READ_COMPRESSED_OIDS = `${typesOf(OIDS_OF_OBJECTS)}
${HYPERTABLE_COLUMNS} AND EXISTS (
  SELECT FROM _timescaledb_catalog.chunk k
  WHERE k.hypertable_id = h.id AND (pg_catalog.to_jsonb(k)->>'status')::int & 1 = 1)
  AND NOT EXISTS (SEGMENT_BY)
ORDER BY 1`;

const SEGMENT_BY =
  'SELECT FROM _timescaledb_catalog.compression_settings s WHERE s.relid = c.oid AND a.attname = ANY (s.segmentby)';

const READ_OID_PARTITIONS = `${typesOf(`t.typtype = 'e' OR ${OIDS_OF_OBJECTS}`)}
${HYPERTABLE_COLUMNS} AND EXISTS (
  SELECT FROM _timescaledb_catalog.dimension d
  WHERE d.hypertable_id = h.id AND d.column_name = a.attname AND d.num_slices IS NOT NULL AND d.partitioning_func = 'get_partition_hash')
ORDER BY 1`;

const READ_HYPERCORE = `
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_am a ON a.oid = c.relam AND a.amname = 'hypercore'
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r'
ORDER BY 1`;

export async function readFeatures(session: Session): Promise<Features> {
  const names = async (query: string): Promise<string[]> =>
    (await session.query<{ name: string }>(query)).map(({ name }) => name);
  const { hasSettings } = await session.one<{ hasSettings: boolean }>(
    `SELECT pg_catalog.to_regclass('_timescaledb_catalog.compression_settings') IS NOT NULL AS "hasSettings"`,
  );
  const segmentBy = hasSettings ? SEGMENT_BY : 'SELECT WHERE false';
  const [
    aggregates,
    compressedHypertables,
    policies,
    distributedHypertables,
    compressedOids,
    oidPartitions,
    hypercore,
  ] = await Promise.all([
    session.query<{ name: string; partial: boolean; isRealTime: boolean }>(READ_AGGREGATES),
    names(hasSettings ? READ_COMPRESSED : READ_COMPRESSED_BY_STATE),
    names(READ_POLICIES),
    names(READ_DISTRIBUTED),
    names(READ_COMPRESSED_OIDS.replace('SEGMENT_BY', segmentBy)),
    names(READ_OID_PARTITIONS),
    names(READ_HYPERCORE),
  ]);
  return {
    compressedHypertables,
    continuousAggregates: aggregates.map(({ name }) => name),
    partialAggregates: aggregates.filter(({ partial }) => partial).map(({ name }) => name),
    realTimeAggregates: aggregates.filter(({ isRealTime }) => isRealTime).map(({ name }) => name),
    policies,
    distributedHypertables,
    compressedOids,
    oidPartitions,
    hypercore,
  };
}
