import type { Session } from '../postgres/session.js';

/** The dimension of a hypertable by which its chunks are ranges. */
export interface TimeDimension {
  readonly schema: string;
  readonly name: string;
  readonly column: string;
  /** As `format_type` gives it. */
  readonly type: string;
  /** Where chunks begin and end, ascending, as values of the type. */
  readonly bounds: readonly string[];
}

/** Types whose values have an order and differences, so that ranges of them can be cut. */
const TIME_TYPES = [
  'timestamp with time zone',
  'timestamp without time zone',
  'date',
  'smallint',
  'integer',
  'bigint',
];

/** The views serve all 2.x versions: the tables behind them have moved. Their times are in UTC. */
const READ_DIMENSIONS = `
SELECT d.hypertable_schema AS schema, d.hypertable_name AS name, d.column_name AS column, d.column_type::text AS type,
       ARRAY(SELECT b.bound FROM (
         SELECT DISTINCT b.bound, b.position
         FROM timescaledb_information.chunks c
         CROSS JOIN LATERAL (VALUES
           (COALESCE(c.range_start_integer::text, (c.range_start AT TIME ZONE 'UTC')::text),
            COALESCE(c.range_start_integer::numeric, pg_catalog.date_part('epoch', c.range_start)::numeric)),
           (COALESCE(c.range_end_integer::text, (c.range_end AT TIME ZONE 'UTC')::text),
            COALESCE(c.range_end_integer::numeric, pg_catalog.date_part('epoch', c.range_end)::numeric))) AS b (bound, position)
         WHERE c.hypertable_schema = d.hypertable_schema AND c.hypertable_name = d.hypertable_name) AS b
       ORDER BY b.position) AS bounds
FROM timescaledb_information.dimensions d
WHERE d.dimension_number = 1 AND d.column_type::text = ANY ($1::text[])`;

/** The time dimensions of the hypertables that have one which can be cut into ranges. */
export async function readTimeDimensions(session: Session): Promise<TimeDimension[]> {
  return session.query<TimeDimension & Record<string, unknown>>(READ_DIMENSIONS, [TIME_TYPES]);
}

const READ_CONTINUOUS_AGGREGATES = `
SELECT view_schema AS schema, view_name AS name FROM timescaledb_information.continuous_aggregates`;

/** The views through which continuous aggregates are read. */
export async function readContinuousAggregates(
  session: Session,
): Promise<{ readonly schema: string; readonly name: string }[]> {
  return session.query<{ schema: string; name: string }>(READ_CONTINUOUS_AGGREGATES);
}

const HAS_COMPRESSED_CHUNK_ID = `
SELECT EXISTS (
  SELECT FROM pg_catalog.pg_attribute
  WHERE attrelid = '_timescaledb_catalog.chunk'::pg_catalog.regclass AND attname = 'compressed_chunk_id' AND NOT attisdropped
) AS has`;

/** Where the catalog's chunks have names and ids of the chunks that hold their compressed rows. */
const READ_COMPRESSED_BY_ID = `
SELECT pg_catalog.format('%I.%I', k.schema_name, k.table_name)::pg_catalog.regclass::oid::int8 AS compressed,
       pg_catalog.format('%I.%I', c.schema_name, c.table_name)::pg_catalog.regclass::oid::int8 AS chunk
FROM _timescaledb_catalog.chunk c JOIN _timescaledb_catalog.chunk k ON k.id = c.compressed_chunk_id
WHERE NOT c.dropped AND NOT k.dropped`;

/** Newer versions keep no chunk for compressed rows; the settings name the relation. */
const READ_COMPRESSED_BY_SETTINGS = `
SELECT s.compress_relid::oid::int8 AS compressed, s.relid::oid::int8 AS chunk
FROM _timescaledb_catalog.compression_settings s WHERE s.compress_relid IS NOT NULL`;

/** The chunk of each relation that holds a chunk's compressed rows, both by OID. */
export async function readChunksOfCompressed(session: Session): Promise<Map<number, number>> {
  const { has } = await session.one<{ has: boolean }>(HAS_COMPRESSED_CHUNK_ID);
  const rows = await session.query<{ compressed: string; chunk: string }>(
    has ? READ_COMPRESSED_BY_ID : READ_COMPRESSED_BY_SETTINGS,
  );
  return new Map(rows.map(({ compressed, chunk }) => [Number(compressed), Number(chunk)]));
}
