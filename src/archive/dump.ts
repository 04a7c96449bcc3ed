import { randomUUID } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { gzipSync } from 'node:zlib';
import { DUMP_CHECKS, runChecks } from '../check/check.js';
import type { DumpStageName, Emit, Event } from '../engine/events.js';
import { type Inventory, readInventory } from '../inventory/inventory.js';
import { toJson } from '../inventory/json.js';
import { readRolePasswords } from '../inventory/roles.js';
import { type QualifiedName, readSequenceValues } from '../inventory/sequences.js';
import { freeConnections } from '../inventory/server.js';
import { JobHold } from '../migrate/job-hold.js';
import { lookForPgDump, refuseBlockers } from '../migrate/preflight.js';
import { closeSession, openSession } from '../migrate/run.js';
import { type ServerSnapshot, takeServerSnapshot } from '../migrate/server-snapshot.js';
import { divideArchive } from '../plan/division.js';
import type { LeftOut } from '../plan/left-out.js';
import { type ArchiveVersion, archiveTimeOf, type Compression } from '../postgres/archive/archive-header.js';
import { expectCompressionProgram } from '../postgres/archive/compression-program.js';
import type { WrittenFile } from '../postgres/archive/data-file.js';
import type { TocEntry } from '../postgres/archive/toc-entry.js';
import { writeArchiveToc } from '../postgres/archive/write-toc.js';
import { type Connection, describeConnection, parseConnection } from '../postgres/connection-string.js';
import { databaseError } from '../postgres/database-error.js';
import { HyperferryError } from '../postgres/error.js';
import { Session } from '../postgres/session.js';
import { NO_FEATURES, readFeatures } from '../timescale/features.js';
import { nameOf } from '../verify/compared-relation.js';
import { recordSide } from '../verify/record-side.js';
import type { SideRecord } from '../verify/side-record.js';
import { type DumpContents, dumpContents } from './dump-entries.js';
import { DumpFolder } from './dump-folder.js';
import type { DumpOptions, DumpOutcome } from './dump-options.js';
import { type DumpRecord, RECORD_FILE } from './dump-record.js';
import { type DumpedRows, dumpLargeObjects, dumpRows } from './dump-rows.js';
import { MANIFEST_FILE, MANIFEST_FORMAT, type Manifest, writeManifest } from './manifest.js';
import { writePlainDump } from './plain-dump.js';
import { databaseScript, rolesScript } from './psql-scripts.js';
import { LISTS, readme } from './readme.js';

/** One call of `dump`. */
interface DumpRun {
  readonly options: DumpOptions;
  readonly connection: Connection;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  readonly sessions: Map<Session, () => Promise<void>>;
}

/**
 * Dumps a database into a folder that `pg_restore` reads, from one snapshot. The folder gets its name when all of it is on
 * disk; before, and after a failure, nothing has that name.
 *
 * @throws HyperferryError. The source's background jobs are put back in any case.
 *
 * @example
 * const { rows, bytes } = await dump({ source: 'postgresql://old/tsdb', out: '/backup/tsdb' });
 */
export async function dump(options: DumpOptions): Promise<DumpOutcome> {
  const begun = performance.now();
  const notices: string[] = [];
  const emit = (event: Event): void => {
    if (event.type === 'notice') notices.push(event.message);
    options.onEvent?.(event);
  };
  const run: DumpRun = {
    options,
    connection: parseConnection(options.source),
    emit,
    signal: options.signal ?? new AbortController().signal,
    sessions: new Map(),
  };
  const jobs = new JobHold(run.connection, options.jobWait);
  const folder = await DumpFolder.make(options.out);
  try {
    const outcome = await dumpInto(folder, run, jobs);
    for (const message of await jobs.release()) emit({ type: 'notice', message });
    return { ...outcome, notices, seconds: secondsSince(begun) };
  } catch (error) {
    await folder.abandon();
    for (const message of await jobs.release()) emit({ type: 'notice', message });
    throw explained(error, run);
  } finally {
    for (const session of [...run.sessions.keys()].toReversed())
      await closeSession(run, session).catch(() => undefined);
  }
}

async function dumpInto(
  folder: DumpFolder,
  run: DumpRun,
  hold: JobHold,
): Promise<Omit<DumpOutcome, 'notices' | 'seconds'>> {
  const { options, connection, emit, signal } = run;
  const { session, seen, pgDump, jobs } = await inStage(run, 'connect', () => connect(run));
  const { snapshot, takenAt } = await inStage(run, 'snapshot', async () => {
    const { server, timescale } = seen;
    const source = { session, connection, pgDump, jobs: hold, server, timescale };
    return { snapshot: await takeServerSnapshot(run, source), takenAt: new Date() };
  });
  const { inventory } = snapshot;
  const ofUser = await readSequenceValues(session, inventory.sequences);
  const ofExtensions = await readSequenceValues(session, configurationSequences(inventory));
  const sequenceValues = [...ofExtensions, ...ofUser];
  const contents = dumpContents(snapshot.schema.entries, inventory, sequenceValues);
  const compression = compressionOf(options);
  const source = {
    folder: folder.path,
    compression,
    snapshot: snapshot.id,
    jobs,
    storesNullAsUnreadableValue: inventory.timescale?.storesNullAsUnreadableValue ?? false,
    emit,
    signal,
    open: () => Session.open('source', connection),
  };
  const rows = await inStage(run, 'rows', () => dumpRows(contents.tables, source));
  const largeObjects = await inStage(run, 'large objects', () =>
    dumpLargeObjects(inventory.largeObjects, source),
  );
  const side = await inStage(run, 'checksums', () =>
    recordSide(
      { name: describeConnection(connection), open: source.open, snapshot: snapshot.id, inventory },
      { mode: options.verify ?? 'checksums', jobs, sequenceValues: ofUser, emit, signal },
    ),
  );
  refuseOtherNumbers(rows, side);
  const record: DumpRecord = {
    side,
    plainChunks: snapshot.schema.plainChunks,
    features: inventory.timescale ? await readFeatures(session) : NO_FEATURES,
    sequenceValues,
    rolePasswords: options.rolePasswords ? await readRolePasswords(session) : new Map(),
    leftOut: [],
  };
  const { bytes: databaseBytes } = await session.one<{ bytes: string }>(
    'SELECT pg_catalog.pg_database_size(pg_catalog.current_database()) AS bytes',
  );
  return inStage(run, 'finish', async () => {
    const described = {
      run,
      snapshot,
      contents,
      compression,
      record,
      takenAt,
      databaseBytes: Number(databaseBytes),
    };
    const made = await writeDefinitions(folder, described);
    const files = [...rows.map(({ file }) => file), ...largeObjects, ...made];
    const manifest = manifestOf(described, rows, files);
    const written =
      options.format === 'plain'
        ? await writePlainDump(folder, pgDump, manifest, readme(readmeOf(described, 'plain')))
        : manifest;
    const last = await folder.write(MANIFEST_FILE, writeManifest(written));
    signal.throwIfAborted();
    await folder.complete();
    return {
      source: describeConnection(connection),
      out: options.out,
      format: options.format ?? 'archive',
      timescaleVersion: inventory.timescale?.version,
      jobs,
      tables: rows.filter(({ table }) => table.relation).length,
      hypertables: inventory.relations.filter(({ kind }) => kind === 'hypertable').length,
      chunks: inventory.relations.filter(({ kind }) => kind === 'chunk').length,
      rows: rows.reduce((sum, { table, rows: count }) => sum + (table.relation ? count : 0), 0),
      bytes: [...written.files, last].reduce((sum, { bytes }) => sum + bytes, 0),
    };
  });
}

async function connect(run: DumpRun) {
  const { options, connection, emit } = run;
  const { algorithm } = compressionOf(options);
  if (algorithm === 'lz4' || algorithm === 'zstd') await expectCompressionProgram(algorithm);
  const session = await openSession(run, 'source', connection);
  const seen = await readInventory(session);
  const pgDump = await lookForPgDump(options.programs, seen, seen);
  const jobs =
    options.jobs ??
    Math.max(1, Math.min(availableParallelism(), Math.floor(freeConnections(seen.server) / 2)));
  const findings = await runChecks(DUMP_CHECKS, {
    source: { inventory: seen, connection, session },
    pgDump,
    options: { jobs, rolePasswords: options.rolePasswords ?? false },
  });
  refuseBlockers(findings, options.skipChecks ?? []);
  for (const { severity, id, found } of findings) {
    if (severity === 'warning') emit({ type: 'notice', message: `${found} (${id})` });
  }
  if (pgDump instanceof HyperferryError) throw pgDump;
  return { session, seen, pgDump, jobs };
}

function configurationSequences({ extensions }: Inventory): QualifiedName[] {
  return extensions.flatMap(({ configuration }) => configuration.filter(({ kind }) => kind === 'sequence'));
}

/** What was written and what was counted are two readings of one snapshot. */
function refuseOtherNumbers(dumped: readonly DumpedRows[], { totals }: SideRecord): void {
  for (const { table, rows } of dumped) {
    const counted = totals.get(`${table.schema}.${table.name}`);
    if (!counted || counted.rows === rows) continue;
    throw new HyperferryError(
      'DIFFERENT',
      `${table.schema}.${table.name} has ${counted.rows} rows, but ${rows} were written`,
    );
  }
}

/** All that the files beside the rows are made of. */
interface Described {
  readonly run: DumpRun;
  readonly snapshot: ServerSnapshot;
  readonly contents: DumpContents;
  readonly compression: Compression;
  readonly record: DumpRecord;
  readonly takenAt: Date;
  readonly databaseBytes: number;
}

async function writeDefinitions(folder: DumpFolder, described: Described): Promise<WrittenFile[]> {
  const { snapshot, contents, compression, record, takenAt } = described;
  const { inventory, header } = snapshot;
  const list = (entries: DumpContents['entries']): string =>
    entries.map(({ dumpId }) => `${dumpId};\n`).join('');
  const [first, last] = [schemasOfExtensions(described), afterRestoreMode(described)];
  const inRestoreMode = contents.entries.filter((entry) => !first.includes(entry) && !last.includes(entry));
  return [
    await folder.write(
      'toc.dat',
      writeArchiveToc(
        {
          ...header,
          format: 'directory',
          version: versionFor(compression, header.version),
          compression,
          time: archiveTimeOf(takenAt),
        },
        contents.entries,
      ),
    ),
    await folder.write('roles.sql', rolesScript(inventory, record.rolePasswords)),
    await folder.write('database.sql', databaseScript(inventory)),
    await folder.write(LISTS.inRestoreMode, list(inRestoreMode)),
    await folder.write(LISTS.afterRestoreMode, list(last)),
    await folder.write(RECORD_FILE, gzipSync(toJson(record))),
    await folder.write('README.txt', readme(readmeOf(described, 'archive'))),
  ];
}

function readmeOf(described: Described, kind: Manifest['kind']): Parameters<typeof readme>[0] {
  const { run, snapshot, takenAt, compression } = described;
  return {
    kind,
    source: snapshot.inventory,
    name: describeConnection(run.connection),
    takenAt: takenAt.toISOString(),
    compression,
    schemas: schemasOfExtensions(described),
    afterRestoreMode: afterRestoreMode(described),
  };
}

/** Every database has the schema `public`. */
function schemasOfExtensions({ contents, snapshot: { inventory } }: Described): readonly TocEntry[] {
  const holding = new Set(inventory.extensions.map(({ schema }) => schema));
  return contents.entries.filter(
    ({ kind, tag }) => kind === 'SCHEMA' && tag !== 'public' && holding.has(tag),
  );
}

/**
 * What TimescaleDB's hooks are needed for: a foreign key to a hypertable sees no rows while they are off, and a view that
 * reads compressed rows neither. Event triggers would act on those, and come behind.
 */
function afterRestoreMode({ contents, snapshot: { schema, inventory } }: Described): readonly TocEntry[] {
  const { hypertableKeys, last } = divideArchive(schema.entries, inventory, schema.plainChunks);
  const filling = contents.entries.filter(({ kind }) => kind === 'MATERIALIZED VIEW DATA');
  return [...hypertableKeys, ...filling, ...last];
}

function manifestOf(
  { run, snapshot, compression, record, takenAt, databaseBytes }: Described,
  rows: readonly DumpedRows[],
  files: readonly WrittenFile[],
): Manifest {
  const { inventory, id } = snapshot;
  const { server, timescale } = inventory;
  const fileOf = new Map(rows.map(({ table, file }) => [table.relation?.oid, file.name]));
  const relations = new Map(inventory.relations.map((relation) => [nameOf(relation), relation]));
  const hypertableOf = hypertablesOf(record.side);
  return {
    format: MANIFEST_FORMAT,
    id: randomUUID(),
    kind: 'archive',
    source: {
      name: describeConnection(run.connection),
      database: server.database,
      serverVersion: server.version,
      encoding: server.encoding,
      bytes: databaseBytes,
    },
    timescale: timescale ? { version: timescale.version, schema: timescale.schema } : null,
    snapshot: { id, takenAt: takenAt.toISOString() },
    compression: { algorithm: compression.algorithm, level: compression.level ?? null },
    extensions: inventory.extensions.map(({ name, version, schema }) => ({ name, version, schema })),
    continuousAggregates: [...record.features.continuousAggregates],
    largeObjects: inventory.largeObjects.length,
    roles: inventory.roles.roles.map(({ name }) => name),
    rolePasswords: run.options.rolePasswords ?? false,
    tables: [...record.side.totals].map(([name, { rows: count, checksum }]) => {
      const relation = relations.get(name);
      if (!relation) throw new HyperferryError('INTERNAL', `${name} was read, and is not in the inventory`);
      return {
        schema: relation.schema,
        name: relation.name,
        kind: relation.kind,
        rows: count,
        checksum: checksum ?? null,
        file: fileOf.get(relation.oid) ?? null,
        hypertable: hypertableOf(relation.oid),
        compressed: record.side.chunksOfCompressed.has(relation.oid),
      };
    }),
    files: [...files],
    leftOut: run.options.rolePasswords ? [] : passwordsLeftOut(inventory),
  };
}

/** The hypertable of each chunk, and of the relation that holds a chunk's compressed rows, by OID. */
function hypertablesOf({ inventory, chunksOfCompressed }: SideRecord) {
  const byOid = new Map(inventory.relations.map((relation) => [relation.oid, relation]));
  return (oid: number): Manifest['tables'][number]['hypertable'] => {
    const parent = byOid.get(chunksOfCompressed.get(oid) ?? oid)?.parent;
    const hypertable = parent === undefined ? undefined : byOid.get(parent);
    return hypertable ? { schema: hypertable.schema, name: hypertable.name } : null;
  };
}

function passwordsLeftOut({ roles }: Inventory): LeftOut[] {
  return roles.roles
    .filter(({ name, canLogin, hasPassword }) => name !== 'postgres' && canLogin && hasPassword !== false)
    .map(({ name }) => ({
      object: `password of role ${name}`,
      reason: 'passwords are dumped only when asked for (--role-passwords)',
    }));
}

function compressionOf({ format, compression }: DumpOptions): Compression {
  return format === 'plain' ? { algorithm: 'none' } : (compression ?? { algorithm: 'gzip' });
}

/** Archives name lz4 and zstd from format 1.15 on. */
function versionFor({ algorithm }: Compression, version: ArchiveVersion): ArchiveVersion {
  return version === '1.14' && (algorithm === 'lz4' || algorithm === 'zstd') ? '1.15' : version;
}

async function inStage<T>(
  { emit, signal }: DumpRun,
  stage: DumpStageName,
  work: () => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const begun = performance.now();
  emit({ type: 'stage-started', stage });
  const value = await work();
  emit({ type: 'stage-finished', stage, seconds: secondsSince(begun) });
  return value;
}

function explained(error: unknown, { signal }: DumpRun): HyperferryError {
  if (signal.aborted) return new HyperferryError('INTERRUPTED', 'interrupted', { cause: error });
  if (error instanceof HyperferryError) return error;
  return new HyperferryError(
    databaseError(error) ? 'STATEMENT' : 'INTERNAL',
    error instanceof Error ? error.message : String(error),
    { cause: error },
  );
}

function secondsSince(begun: number): number {
  return Math.round(performance.now() - begun) / 1000;
}
