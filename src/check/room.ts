import { statfs } from 'node:fs/promises';
import { freeConnections, lockRoom, readDatabaseBytes, type Server } from '../inventory/server.js';
import { buildMemory } from '../postgres/build-memory.js';
import { isOnThisMachine } from '../postgres/connection-string.js';
import { findPlainChunks } from '../timescale/plain-chunks.js';
import type {
  Check,
  CheckedSide,
  CheckOptions,
  DumpChecked,
  DumpedSource,
  Finding,
  RestoreChecked,
} from './finding.js';

/**
 * Sessions beside the workers'. On the source, that of the snapshot, and before there are workers pg_dump's and two that
 * read chunks; on the target, control and one more.
 */
const OTHER_SESSIONS = 3;

/** Locks, connections, disk and settings, against what the run needs. */
export const room: Check = async ({ source, ...checked }) => [
  ...(await sourceRoom({ source, ...checked })),
  ...(await targetRoom({
    ...checked,
    source: { ...source, bytes: await readDatabaseBytes(source.session) },
  })),
];

export const sourceRoom: Check<Pick<DumpChecked, 'source' | 'options'>> = async ({ source, options }) => [
  ...(await locks(source)),
  ...connections('source', source.inventory.server, options.jobs),
];

type TargetChecked = Pick<RestoreChecked, 'target' | 'options'> & { readonly source: SizedSource };
type SizedSource = Pick<DumpedSource, 'inventory' | 'bytes'>;

export const targetRoom: Check<TargetChecked> = async ({ source, target, options }) => [
  ...connections('target', target.inventory.server, options.jobs),
  ...(await disk(source, target, options)),
  ...(await settings(source, target, options.jobs)),
];

/** `pg_dump` locks every relation that it dumps, in one transaction: all but plain chunks. */
async function locks({ session, inventory }: CheckedSide): Promise<Finding[]> {
  const { server, relations, timescale } = inventory;
  const room = lockRoom(server);
  if (relations.length <= room) return [];
  const plain = timescale ? (await findPlainChunks(session)).oids.size : 0;
  const needed = relations.length - plain;
  if (needed <= room) return [];
  const perTransaction = Math.ceil(needed / (server.maxConnections + server.maxPreparedTransactions)) + 1;
  return [
    {
      id: 'locks',
      severity: 'blocker',
      code: 'ROOM',
      found: `expected room for ${needed} locks on the source, one for each relation but ${plain} plain chunks, but max_locks_per_transaction = ${server.maxLocksPerTransaction} gives ${room}`,
      objects: [],
      why: 'pg_dump locks what it dumps in one transaction, and fails when the lock table is full.',
      mend: `ALTER SYSTEM SET max_locks_per_transaction = ${perTransaction}; then restart the source server.`,
    },
  ];
}

function connections(side: 'source' | 'target', server: Server, jobs: number): Finding[] {
  const free = freeConnections(server);
  const needed = jobs + OTHER_SESSIONS;
  if (free >= needed) return [];
  const limited = server.connectionLimits.find(({ limit, used }) => limit - used === free);
  const [of, mend] = limited
    ? [
        `${limited.limit} that the ${limited.of} ${limited.name} has`,
        `lift that limit on the ${side}: ALTER ${limited.of.toUpperCase()} ${limited.name} CONNECTION LIMIT -1;`,
      ]
    : [server.maxConnections, `raise max_connections on the ${side}.`];
  return [
    {
      id: 'connections',
      severity: 'blocker',
      code: 'ROOM',
      found: `expected ${needed} free connections on the ${side} for --jobs ${jobs}, but ${free} of ${of} are free`,
      objects: [],
      why: 'Each worker has a connection to both servers.',
      mend: `Use fewer --jobs, or ${mend}`,
    },
  ];
}

/** Of the database's tablespace; the default one has no location of its own. */
const READ_DATA_FOLDER = `
SELECT COALESCE(NULLIF(pg_catalog.pg_tablespace_location(d.dattablespace), ''), s.setting) AS folder
FROM pg_catalog.pg_database d LEFT JOIN pg_catalog.pg_settings s ON s.name = 'data_directory'
WHERE d.datname = pg_catalog.current_database()`;

/** SQL does not tell a server's free space; where the target runs on this machine, the file system does. */
async function disk(
  { bytes }: SizedSource,
  target: CheckedSide,
  { resume, cleanTarget }: CheckOptions,
): Promise<Finding[]> {
  const unused = await freeSpace(target);
  // What an earlier attempt has brought needs no room again, and what is dropped first makes some.
  const free =
    unused === undefined || !(resume || cleanTarget)
      ? unused
      : unused + (await readDatabaseBytes(target.session));
  if (free === undefined) {
    return [
      {
        id: 'disk-unknown',
        severity: 'note',
        found: `the source database takes ${megabytes(bytes)}; the target's free space cannot be seen from here`,
        objects: [],
        why: 'A full disk stops the migration in the middle.',
        mend: `Make sure that the target has ${megabytes(bytes * 1.2)} free: df -h`,
      },
    ];
  }
  if (free > bytes * 1.2) return [];
  return [
    {
      id: 'disk',
      severity: free > bytes ? 'warning' : 'blocker',
      code: 'ROOM',
      found: `expected ${megabytes(bytes * 1.2)} free on the target for a database of ${megabytes(bytes)}, but ${megabytes(free)} are free`,
      objects: [],
      why: 'A full disk stops the migration in the middle.',
      mend: 'Free space on the target, or use a larger disk.',
    },
  ];
}

async function freeSpace({ session, connection }: CheckedSide): Promise<number | undefined> {
  if (!isOnThisMachine(connection)) return undefined;
  const [row] = await session.query<{ folder: string | null }>(READ_DATA_FOLDER);
  if (!row?.folder) return undefined;
  try {
    const { bavail, bsize } = await statfs(row.folder);
    return bavail * bsize;
  } catch {
    return undefined; // the folder is the server's, or in a container
  }
}

const readSettings = (jobs: number): string => `
SELECT pg_catalog.pg_size_bytes(pg_catalog.current_setting('max_wal_size')) AS "maxWalSize",
       ${buildMemory(jobs)} AS "maintenanceWorkMem"`;

/** A checkpoint each few seconds writes full pages again and again; an index that does not fit memory is sorted on disk. */
const WAL_BETWEEN_CHECKPOINTS = 4 * 1024 ** 3;
const ENOUGH_MAINTENANCE_MEMORY = 256 * 1024 ** 2;

async function settings(source: SizedSource, target: CheckedSide, jobs: number): Promise<Finding[]> {
  const bytes = source.inventory.relations.reduce((sum, relation) => sum + relation.bytes, 0);
  const row = await target.session.one<{ maxWalSize: string; maintenanceWorkMem: string }>(
    readSettings(jobs),
  );
  const findings: Finding[] = [];
  const wanted = Math.min(bytes, WAL_BETWEEN_CHECKPOINTS);
  if (Number(row.maxWalSize) < wanted) {
    findings.push({
      id: 'max-wal-size',
      severity: 'note',
      found: `max_wal_size is ${megabytes(Number(row.maxWalSize))} on the target, for ${megabytes(bytes)} of rows`,
      objects: [],
      why: 'The target will make a checkpoint each time that much has been written, and slow down.',
      mend: `ALTER SYSTEM SET max_wal_size = '${megabytes(wanted).replace(' ', '')}'; SELECT pg_reload_conf(); on the target.`,
    });
  }
  const largest = Math.max(0, ...source.inventory.relations.map((relation) => relation.bytes));
  if (Number(row.maintenanceWorkMem) < Math.min(largest, ENOUGH_MAINTENANCE_MEMORY)) {
    findings.push({
      id: 'maintenance-work-mem',
      severity: 'note',
      found: `each index build has ${megabytes(Number(row.maintenanceWorkMem))} of maintenance_work_mem on the target, and the largest relation has ${megabytes(largest)}`,
      objects: [],
      why: 'Index builds that do not fit are sorted on disk.',
      mend: "ALTER SYSTEM SET maintenance_work_mem = '256MB'; SELECT pg_reload_conf(); on the target.",
    });
  }
  return findings;
}

/** In the units of PostgreSQL's settings, where 1 MB is 1,048,576 bytes. */
function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1024 ** 2)} MB`;
}
