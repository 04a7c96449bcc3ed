import { type ChangeCounters, readChangeCounters } from '../inventory/changes.js';
import { type Inventory, readInventory } from '../inventory/inventory.js';
import { readDatabaseIdentity } from '../inventory/server.js';
import { chunkEntries } from '../plan/chunk-entries.js';
import type { SchemaEntries } from '../plan/plan.js';
import type { ArchiveHeader } from '../postgres/archive/archive-header.js';
import { readArchiveToc } from '../postgres/archive/archive-toc.js';
import { type ClientProgram, runClientProgram } from '../postgres/client-programs.js';
import type { Connection } from '../postgres/connection-string.js';
import { inSession, type Session } from '../postgres/session.js';
import { exportSnapshot, withSnapshot } from '../postgres/snapshot.js';
import { readChunkTables, readPartsOfChunks } from '../timescale/chunk-definitions.js';
import { findPlainChunks, NO_PLAIN_CHUNKS } from '../timescale/plain-chunks.js';
import { openSession, type Run } from './run.js';

/** A source that was looked at before: what its catalogs are read with. */
export interface SeenSource {
  /** It has read the catalogs once, and reads them faster the second time. */
  readonly session: Session;
  readonly connection: Connection;
  readonly pgDump: ClientProgram;
  readonly seen: Pick<Inventory, 'server' | 'timescale'>;
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
}

type Sessions = Pick<Run, 'signal' | 'sessions'>;

/** Exports a snapshot, and reads the source again as of it. */
export async function takeServerSnapshot(sessions: Sessions, source: SeenSource): Promise<ServerSnapshot> {
  const { session } = source;
  const counters = await readChangeCounters(session);
  const id = await exportSnapshot(session);
  const [inventory, definitions] = await Promise.all([
    readInventory(session),
    readDefinitions(sessions, source, id),
  ]);
  return { session, id, identity: await readDatabaseIdentity(session), inventory, ...definitions, counters };
}

/** In sessions of their own, beside each other. */
async function readDefinitions(
  sessions: Sessions,
  { connection, pgDump, seen: { timescale, server } }: SeenSource,
  id: string,
): Promise<Pick<ServerSnapshot, 'header' | 'schema'>> {
  const asOfSnapshot = <T>(read: (session: Session) => Promise<T>): Promise<T> =>
    inSession(
      'source',
      connection,
      (session) => withSnapshot(session, id, () => read(session)),
      sessions.signal,
    );
  const plain = timescale ? await asOfSnapshot(findPlainChunks) : NO_PLAIN_CHUNKS;
  const [archive, tables, parts] = await Promise.all([
    dumpDefinitions(sessions, connection, pgDump, [
      `--snapshot=${id}`,
      ...plain.patterns.map((pattern) => `--exclude-table=${pattern}`),
    ]),
    asOfSnapshot((session) => readChunkTables(session, server.version, plain.oids)),
    asOfSnapshot((session) => readPartsOfChunks(session, plain.oids)),
  ]);
  const { header, entries } = readArchiveToc(archive);
  const chunks = { objects: [...tables.objects, ...parts], dependencies: tables.dependencies };
  return {
    header,
    schema: {
      entries: [...entries, ...chunkEntries(chunks, entries)],
      plainChunks: new Set(chunks.objects.map(({ table }) => table.oid)),
    },
  };
}

async function dumpDefinitions(
  sessions: Sessions,
  connection: Connection,
  pgDump: ClientProgram,
  flags: readonly string[],
): Promise<Buffer> {
  const format = ['--format=custom', '--schema-only', '--compress=0', '--encoding=UTF8', '--no-password'];
  return runClientProgram(
    pgDump,
    [...format, '--exclude-schema=_hyperferry', ...flags],
    await openSession(sessions, 'source', connection),
    sessions.signal,
  );
}
