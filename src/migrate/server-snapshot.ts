import { type ChangeCounters, readChangeCounters } from '../inventory/changes.js';
import { type Inventory, readInventory } from '../inventory/inventory.js';
import { readOrphanedChecks } from '../inventory/orphaned-checks.js';
import { readDatabaseIdentity } from '../inventory/server.js';
import { readValidatedChecks } from '../inventory/validated-checks.js';
import { chunkEntries } from '../plan/chunk-entries.js';
import { orphanEntries } from '../plan/orphan-entries.js';
import type { SchemaEntries } from '../plan/plan.js';
import { validationEntries } from '../plan/validation-entries.js';
import type { ArchiveHeader } from '../postgres/archive/archive-header.js';
import { readArchiveToc } from '../postgres/archive/archive-toc.js';
import { type ClientProgram, runClientProgram } from '../postgres/client-programs.js';
import type { Connection } from '../postgres/connection-string.js';
import { rewordPgDump } from '../postgres/pg-dump-queries.js';
import type { Session } from '../postgres/session.js';
import { exportSnapshot, withSnapshot } from '../postgres/snapshot.js';
import { readChunkTables, readPartsOfChunks } from '../timescale/chunk-definitions.js';
import type { JobStart } from '../timescale/jobs.js';
import { findPlainChunks, NO_PLAIN_CHUNKS } from '../timescale/plain-chunks.js';
import type { JobHold } from './job-hold.js';
import { allOver, closeSession, openSession, type Run } from './run.js';

/** A source that was looked at before: what its catalogs are read with. */
export interface SeenSource extends Pick<Inventory, 'server' | 'timescale'> {
  /** It has read the catalogs once, and reads them faster the second time. */
  readonly session: Session;
  readonly connection: Connection;
  readonly pgDump: ClientProgram;
  readonly jobs: JobHold;
}

/** The source as of one moment, held for as long as the session's transaction is open. */
export interface ServerSnapshot {
  readonly session: Session;
  readonly id: string;
  readonly identity: string;
  readonly inventory: Inventory;
  readonly schema: SchemaEntries;
  /** Of `pg_dump`'s archive. */
  readonly header: ArchiveHeader;
  /** Read before the snapshot was taken. */
  readonly counters: ChangeCounters;
  /** When background jobs would have run next, were they not held off. */
  readonly jobStarts: readonly JobStart[];
}

type Sessions = Pick<Run, 'signal' | 'sessions' | 'emit'>;

/** Holds off the source's jobs, exports a snapshot, and reads the source again as of it. */
export async function takeServerSnapshot(run: Sessions, source: SeenSource): Promise<ServerSnapshot> {
  const { session, connection, jobs, timescale } = source;
  // They are there when the snapshot is: connecting takes several round trips.
  const [dump, tables, parts] = await allOver([
    openSession(run, 'source', connection),
    openSession(run, 'source', connection),
    openSession(run, 'source', connection),
    jobs.hold(run, timescale),
  ]);
  const counters = await readChangeCounters(session);
  const id = await exportSnapshot(session);
  const [identity, inventory, definitions] = await allOver([
    readDatabaseIdentity(session),
    readInventory(session),
    readDefinitions(run, source, id, { dump, tables, parts }),
  ]);
  return { session, id, identity, inventory, ...definitions, counters, jobStarts: jobs.starts };
}

/** Beside each other. The sessions end here. */
async function readDefinitions(
  run: Sessions,
  { pgDump, timescale, server }: SeenSource,
  id: string,
  sessions: Readonly<Record<'dump' | 'tables' | 'parts', Session>>,
): Promise<Pick<ServerSnapshot, 'header' | 'schema'>> {
  const { dump } = sessions;
  const plain = timescale ? await withSnapshot(dump, id, () => findPlainChunks(dump)) : NO_PLAIN_CHUNKS;
  const asOfSnapshot = <T>(session: Session, read: (session: Session) => Promise<T>): Promise<T> =>
    withSnapshot(session, id, () => read(session)).finally(() => closeSession(run, session));
  const flags = [`--snapshot=${id}`, ...plain.patterns.map((pattern) => `--exclude-table=${pattern}`)];
  const [archive, tables, [parts, orphans, validated]] = await allOver([
    runClientProgram(pgDump, [...DUMP_FLAGS, ...flags], dump, {
      reword: (query) => rewordPgDump(query, plain.oids),
      signal: run.signal,
    }),
    asOfSnapshot(sessions.tables, (session) => readChunkTables(session, server.version, plain.oids)),
    asOfSnapshot(sessions.parts, (session) =>
      Promise.all([
        readPartsOfChunks(session, plain.oids),
        readOrphanedChecks(session),
        readValidatedChecks(session),
      ]),
    ),
  ]);
  const { header, entries: dumped } = readArchiveToc(archive);
  const chunks = { objects: [...tables.objects, ...parts], dependencies: tables.dependencies };
  const withChunks = [...dumped, ...chunkEntries(chunks, dumped)];
  const entries = [...withChunks, ...orphanEntries(orphans, withChunks)];
  return {
    header,
    schema: {
      entries: [...entries, ...validationEntries(validated, entries)],
      plainChunks: new Set(chunks.objects.map(({ table }) => table.oid)),
    },
  };
}

const DUMP_FLAGS = [
  '--format=custom',
  '--schema-only',
  '--compress=0',
  '--encoding=UTF8',
  '--no-password',
  '--exclude-schema=_hyperferry',
];
