import type { Inventory } from '../inventory/inventory.js';
import { quoteIdentifier, quoteLiteral, quoteQualified } from '../postgres/quoting.js';
import type { Session } from '../postgres/session.js';
import { type Features, readFeatures } from '../timescale/features.js';
import { failsToSortRestoredAggregates, type Timescale } from '../timescale/timescale.js';
import {
  type Check,
  type DumpChecked,
  type DumpedSource,
  type Finding,
  nameSome,
  type RestoreChecked,
} from './finding.js';

/** Features of TimescaleDB that the target may lack, or that no version carries on. */
export const timescaleFeatures: Check = async ({ source, target }) => {
  const { inventory, session } = source;
  if (!inventory.timescale) return [];
  const features = await readFeatures(session);
  return [
    ...(await targetFeatures({ source: { inventory, features }, target })),
    ...leftBehindFeatures(features),
    ...unreadableNulls(features, inventory.timescale),
  ];
};

/** What no version carries on, whoever dumps it. */
export const sourceFeatures: Check<DumpChecked> = async ({ source }) =>
  source.inventory.timescale ? leftBehindFeatures(await readFeatures(source.session)) : [];

type FeaturesChecked = Pick<RestoreChecked, 'target'> & {
  readonly source: Pick<DumpedSource, 'inventory' | 'features'>;
};

/** What the target must be able to. */
export async function targetFeatures({ source, target }: FeaturesChecked): Promise<Finding[]> {
  const { inventory, features } = source;
  return [
    ...(inventory.timescale ? await edition(features, inventory.timescale, target.session) : []),
    ...addedColumns(inventory, target.inventory),
    ...unsortableAggregates(inventory, features, target.inventory),
  ];
}

/** An archive of `pg_dump` may hold what `dump` refuses. */
export const restoredFeatures: Check<RestoreChecked> = async ({ source, target }) => [
  ...(await targetFeatures({ source, target })),
  ...leftBehindFeatures(source.features),
];

function leftBehindFeatures(features: Features): Finding[] {
  return [
    ...partialAggregates(features),
    ...multiNode(features),
    ...compressedOids(features),
    ...oidPartitions(features),
    ...hypercore(features),
  ];
}

async function edition(features: Features, timescale: Timescale, target: Session): Promise<Finding[]> {
  const objects = [
    ...features.compressedHypertables.map((name) => `compressed hypertable ${name}`),
    ...features.continuousAggregates.map((name) => `continuous aggregate ${name}`),
    ...features.policies,
  ];
  if (objects.length === 0 || !(await runsApacheEdition(target, timescale.version))) return [];
  return [
    {
      id: 'license-edition',
      severity: 'blocker',
      found: `expected the community edition of TimescaleDB on the target, but it runs the Apache edition; the source uses ${nameSome(objects)}`,
      objects,
      why: 'Compression, continuous aggregates and policies are part of the community edition alone.',
      mend: "Install the community edition on the target server, and set timescaledb.license = 'timescale'.",
    },
  ];
}

const READ_LICENSE = "SELECT pg_catalog.current_setting('timescaledb.license', true) AS license";

/** The Apache edition ships without the library of the community's code. */
const READ_COMMUNITY_LIBRARY = `
SELECT (pg_catalog.pg_stat_file(setting || '/timescaledb-tsl-' || $1 || '.so', true)).size IS NOT NULL AS exists
FROM pg_catalog.pg_config WHERE name = 'PKGLIBDIR'`;

async function runsApacheEdition(target: Session, version: string): Promise<boolean> {
  const { license } = await target.one<{ license: string | null }>(READ_LICENSE);
  if (license === 'apache') return true;
  const { may } = await target.one<{ may: boolean }>(
    `SELECT pg_catalog.has_function_privilege('pg_catalog.pg_stat_file(text, boolean)', 'EXECUTE')
            AND pg_catalog.has_table_privilege('pg_catalog.pg_config', 'SELECT') AS may`,
  );
  if (!may) return false;
  const [row] = await target.query<{ exists: boolean }>(READ_COMMUNITY_LIBRARY, [version]);
  return row?.exists === false;
}

/** Compressed rows have no value of their own for a column that was added later with a default. */
function addedColumns(source: Inventory, target: Inventory): Finding[] {
  const needed = source.missingValues.filter(({ isCompressed }) => isCompressed);
  if (needed.length === 0 || target.server.isSuperuser) return [];
  const objects = needed.map(
    ({ schema, table, column }) => `${quoteQualified({ schema, name: table })}.${quoteIdentifier(column)}`,
  );
  return [
    {
      id: 'compressed-added-columns',
      severity: 'blocker',
      found: `compressed rows lack a value for columns that were added with a default after them: ${nameSome(objects)}`,
      objects,
      why: 'Their value stands in the system catalog, where only a superuser can write it; on the target they would read as NULL.',
      mend: [...new Set(needed.map(({ schema, table }) => quoteQualified({ schema, name: table })))]
        .slice(0, 10)
        .map((chunk) => {
          const name = quoteLiteral(chunk);
          return `SELECT decompress_chunk(${name}); VACUUM FULL ${chunk}; SELECT compress_chunk(${name});`;
        })
        .join('\n'),
    },
  ];
}

function unsortableAggregates(
  { timescale }: Inventory,
  { realTimeAggregates: objects }: Features,
  { server }: Inventory,
): Finding[] {
  if (!timescale || objects.length === 0) return [];
  if (!failsToSortRestoredAggregates(timescale.version, server.version)) return [];
  return [
    {
      id: 'aggregate-order',
      severity: 'warning',
      found: `TimescaleDB ${timescale.version} on PostgreSQL ${server.major} will not sort these real-time aggregates by their bucket on the target: ${nameSome(objects)}`,
      objects,
      why: 'It expects of the view what no definition says: ORDER BY ends with "ORDER/GROUP BY expression not found in targetlist". TimescaleDB 2.20 mended it.',
      mend: `ALTER DATABASE ${quoteIdentifier(server.database)} SET timescaledb.enable_cagg_sort_pushdown = off; on the target afterwards, or update it: --update-target-after 2.20.0 or newer.`,
    },
  ];
}

function partialAggregates({ partialAggregates: objects }: Features): Finding[] {
  if (objects.length === 0) return [];
  return [
    {
      id: 'partial-aggregates',
      severity: 'warning',
      found: `continuous aggregates of the form before TimescaleDB 2.7: ${nameSome(objects)}`,
      objects,
      why: 'They store partial states, which newer versions no longer read.',
      mend: objects.map((name) => `CALL cagg_migrate(${quoteLiteral(name)});`).join('\n'),
    },
  ];
}

function multiNode({ distributedHypertables: objects }: Features): Finding[] {
  if (objects.length === 0) return [];
  return [
    {
      id: 'multi-node',
      severity: 'blocker',
      found: `distributed hypertables: ${nameSome(objects)}`,
      objects,
      why: 'Their rows are on data nodes, and TimescaleDB has removed multi-node in 2.14.',
      mend: 'Copy their rows into ordinary hypertables on the source first.',
    },
  ];
}

function compressedOids({ compressedOids: objects }: Features): Finding[] {
  if (objects.length === 0) return [];
  return [
    {
      id: 'compressed-oids',
      severity: 'blocker',
      found: `compressed values of regclass and similar types: ${nameSome(objects)}`,
      objects,
      why: 'TimescaleDB compresses the OID, which is that of another object, or of none, on the target.',
      mend: "Decompress these chunks on the source, and compress them on the target: SELECT decompress_chunk(c, if_compressed => true) FROM show_chunks('…') AS c;",
    },
  ];
}

function oidPartitions({ oidPartitions: objects }: Features): Finding[] {
  if (objects.length === 0) return [];
  return [
    {
      id: 'partitions-by-oid',
      severity: 'blocker',
      found: `space dimensions by hashes of OIDs: ${nameSome(objects)}`,
      objects,
      why: "The hash of an enum is that of its label's OID, which is another on the target: a chunk there would refuse its rows.",
      mend: 'Copy the rows on the source into a hypertable that is partitioned by another column, or by a function of the label: by_hash(…, partition_func => …).',
    },
  ];
}

function hypercore({ hypercore: objects }: Features): Finding[] {
  if (objects.length === 0) return [];
  return [
    {
      id: 'hypercore',
      severity: 'blocker',
      found: `hypertables or chunks of the access method hypercore: ${nameSome(objects)}`,
      objects,
      why: 'Indexes of such chunks cannot be made while they are restored, and TimescaleDB has removed it.',
      mend: objects
        .slice(0, 10)
        .map((name) => `ALTER TABLE ${name} SET ACCESS METHOD heap;`)
        .join('\n'),
    },
  ];
}

function unreadableNulls(features: Features, timescale: Timescale): Finding[] {
  if (!timescale.storesNullAsUnreadableValue || features.compressedHypertables.length === 0) return [];
  return [
    {
      id: 'compressed-null',
      severity: 'note',
      found: `TimescaleDB ${timescale.version} compresses a column of only NULLs to a value that cannot be read back`,
      objects: features.compressedHypertables,
      why: 'A plain restore fails on it; the value means NULL.',
      mend: 'Nothing to do: migrate stores NULL for it.',
    },
  ];
}
