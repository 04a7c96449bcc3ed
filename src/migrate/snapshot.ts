import { type ChangeCounters, readChangeCounters } from '../inventory/changes.js';
import { type Inventory, readInventory } from '../inventory/inventory.js';
import { readRolePasswords } from '../inventory/roles.js';
import { makePlan, type Plan } from '../plan/plan.js';
import { readArchiveToc } from '../postgres/archive-toc.js';
import { runClientProgram } from '../postgres/client-programs.js';
import { Session } from '../postgres/session.js';
import { exportSnapshot, withSnapshot } from '../postgres/snapshot.js';
import { type ChunkDefinitions, readChunkTables, readPartsOfChunks } from '../timescale/chunk-definitions.js';
import { holdJobs } from '../timescale/jobs.js';
import { findPlainChunks, NO_PLAIN_CHUNKS } from '../timescale/plain-chunks.js';
import type { Preparation } from './prepare.js';
import { allOver, closeSession, openSession, type Run } from './run.js';
import type { KeptSettings } from './settings.js';

/** The source as of one moment, held for as long as the session's transaction is open. */
export interface Snapshot {
  readonly session: Session;
  readonly id: string;
  readonly inventory: Inventory;
  /** The archive of `pg_dump`: definitions alone, but for those of plain chunks. */
  readonly archive: Buffer;
  readonly chunks: ChunkDefinitions;
  /** Read before the snapshot was taken. */
  readonly counters: ChangeCounters;
}

/** Holds off the source's jobs, exports a snapshot, and reads the source again as of it. */
export async function takeSnapshot(run: Run, preparation: Preparation): Promise<Snapshot> {
  // They are there when the snapshot is: connecting takes several round trips.
  const [dump, tables, parts] = await allOver([
    openSession(run, 'source'),
    openSession(run, 'source'),
    openSession(run, 'source'),
    holdSourceJobs(run, preparation.source),
  ]);
  const counters = await readChangeCounters(preparation.sourceSession);
  // It has read the catalogs once, and reads them faster the second time.
  const session = preparation.sourceSession;
  const id = await exportSnapshot(session);
  const [inventory, definitions] = await Promise.all([
    readInventory(session),
    readDefinitions(run, preparation, id, { dump, tables, parts }),
  ]);
  return { session, id, inventory, ...definitions, counters };
}

/** Beside each other. The sessions end here. */
async function readDefinitions(
  run: Run,
  { pgDump, source: { timescale, server } }: Preparation,
  id: string,
  sessions: Readonly<Record<'dump' | 'tables' | 'parts', Session>>,
): Promise<Pick<Snapshot, 'archive' | 'chunks'>> {
  const { dump } = sessions;
  const plain = timescale ? await withSnapshot(dump, id, () => findPlainChunks(dump)) : NO_PLAIN_CHUNKS;
  const asOfSnapshot = <T>(session: Session, read: (session: Session) => Promise<T>): Promise<T> =>
    withSnapshot(session, id, () => read(session)).finally(() => closeSession(run, session));
  const flags = [`--snapshot=${id}`, ...plain.patterns.map((pattern) => `--exclude-table=${pattern}`)];
  const [archive, tables, parts] = await Promise.all([
    runClientProgram(pgDump, [...DUMP_FLAGS, ...flags], dump, run.signal),
    asOfSnapshot(sessions.tables, (session) => readChunkTables(session, server.version, plain.oids)),
    asOfSnapshot(sessions.parts, (session) => readPartsOfChunks(session, plain.oids)),
  ]);
  return { archive, chunks: { objects: [...tables.objects, ...parts], dependencies: tables.dependencies } };
}

const DUMP_FLAGS = [
  '--format=custom',
  '--schema-only',
  '--compress=0',
  '--encoding=UTF8',
  '--no-password',
  '--exclude-schema=_hyperferry',
];

/** Once in a run: between two attempts, they stay held off. */
async function holdSourceJobs(run: Run, { timescale }: Inventory): Promise<void> {
  if (!timescale || run.heldJobs) return;
  run.heldJobs = await holdJobs(() => Session.open('source', run.connections.source), timescale, {
    waitSeconds: run.options.jobWait ?? 600,
    onWait: (jobs) =>
      run.emit({
        type: 'notice',
        message: `waiting for the source's background jobs to end: ${jobs.join(', ')}`,
      }),
    signal: run.signal,
  });
  const { notHeld } = run.heldJobs;
  if (notHeld.length > 0) {
    run.emit({
      type: 'notice',
      message: `these background jobs could not be held off and may run during the copy: ${notHeld.join(', ')}`,
    });
  }
}

/** @param settings of the run, which each of its attempts goes by */
export async function planFrom(run: Run, snapshot: Snapshot, settings: KeptSettings): Promise<Plan> {
  const { rolePasswords, ...options } = settings.options;
  const definitions = { archive: readArchiveToc(snapshot.archive), chunks: snapshot.chunks };
  return makePlan(snapshot.inventory, settings.target, definitions, {
    ...options,
    verify: run.options.verify ?? 'checksums',
    rolePasswords: rolePasswords ? await readRolePasswords(snapshot.session) : new Map(),
  });
}
