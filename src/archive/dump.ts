import { DUMP_CHECKS, runChecks } from '../check/check.js';
import type { Emit, Event } from '../engine/events.js';
import { secondsSince, tellStage } from '../engine/tell-stage.js';
import { type Inventory, readInventory } from '../inventory/inventory.js';
import { readRolePasswords } from '../inventory/roles.js';
import { type QualifiedName, readSequenceValues } from '../inventory/sequences.js';
import { readDatabaseBytes } from '../inventory/server.js';
import { refuseOtherColumns, refuseOtherLabels, relationsWithOtherColumns } from '../migrate/column-guard.js';
import { failureOf } from '../migrate/explain-failure.js';
import { JobHold } from '../migrate/job-hold.js';
import { defaultJobs, lookForPgDump, noteWarnings, refuseBlockers } from '../migrate/preflight.js';
import { allOver, closeSession, openSession } from '../migrate/run.js';
import { takeServerSnapshot } from '../migrate/server-snapshot.js';
import { tellingBlockers } from '../migrate/tell-blockers.js';
import type { Compression } from '../postgres/archive/archive-header.js';
import { expectCompressionProgram } from '../postgres/archive/compression-program.js';
import { type Connection, describeConnection, parseConnection } from '../postgres/connection-string.js';
import { HyperferryError } from '../postgres/error.js';
import { quoteForShell } from '../postgres/quoting.js';
import { Session } from '../postgres/session.js';
import { NO_FEATURES, readFeatures } from '../timescale/features.js';
import { nameOf } from '../verify/compared-relation.js';
import { noteSide, recordSide } from '../verify/record-side.js';
import type { SideRecord } from '../verify/side-record.js';
import { dumpContents } from './dump-entries.js';
import { readmeOf, writeDefinitions } from './dump-files.js';
import { DumpFolder } from './dump-folder.js';
import { manifestOf } from './dump-manifest.js';
import type { DumpOptions, DumpOutcome } from './dump-options.js';
import type { DumpRecord } from './dump-record.js';
import { type DumpedRows, dumpLargeObjects, dumpRows } from './dump-rows.js';
import { MANIFEST_FILE, writeManifest } from './manifest.js';
import { readObjects, writeObjects } from './objects-file.js';
import { expectPgRestore, writePlainDump } from './plain-dump.js';
import { readme } from './readme.js';

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
  refuseCompressedPlain(options);
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
    const abandoned = folder.abandon().then(
      () => [],
      (left: Error) => [
        `what the dump has left could not be removed: ${left.message}; rm -r ${quoteForShell(folder.path)}`,
      ],
    );
    for (const message of [...(await jobs.release()), ...(await abandoned)])
      emit({ type: 'notice', message });
    throw failureOf(error, run);
  } finally {
    for (const session of [...run.sessions.keys()].toReversed())
      await closeSession(run, session).catch(() => undefined);
  }
}

/** @throws HyperferryError `USAGE` */
function refuseCompressedPlain({ format, compression }: DumpOptions): void {
  if (format !== 'plain' || !compression || compression.algorithm === 'none') return;
  throw new HyperferryError(
    'USAGE',
    `expected no compression for the plain format, which is read by psql, but ${compression.algorithm} came`,
    { hint: 'Leave --compress away, or dump with --format archive.' },
  );
}

async function dumpInto(
  folder: DumpFolder,
  run: DumpRun,
  hold: JobHold,
): Promise<Omit<DumpOutcome, 'notices' | 'seconds'>> {
  const { options, connection, emit, signal } = run;
  const sessions = () => run.sessions.keys();
  const { session, pgDump, jobs, snapshot, takenAt } = await tellingBlockers({ emit, sessions }, async () => {
    const seen = await tellStage(run, 'connect', () => connect(run));
    return tellStage(run, 'snapshot', async () => ({
      ...seen,
      snapshot: await takeServerSnapshot(run, { ...seen, connection, jobs: hold }),
      takenAt: new Date(),
    }));
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
  const mode = options.verify ?? 'checksums';
  const access = {
    name: describeConnection(connection),
    open: source.open,
    snapshot: snapshot.id,
    inventory,
  };
  // The server's catalogs are read while this process writes files.
  const [rows, noted] = await tellStage(run, 'rows', () =>
    allOver([
      dumpRows(contents.tables, source),
      writeObjects(folder.path, (note) => noteSide(access, { mode, sequenceValues: ofUser, signal, note })),
    ]),
  );
  refuseOtherColumns(await relationsWithOtherColumns(access, inventory));
  await refuseOtherLabels(access);
  const largeObjects = await tellStage(run, 'large objects', () =>
    dumpLargeObjects(inventory.largeObjects, source),
  );
  const numbers = new Map(rows.map((dumped) => [nameOf(dumped.table), dumped.rows]));
  const written = (name: string): number => numbers.get(name) ?? 0;
  const read = (queries: ReadonlySet<string>) => readObjects(folder.path, queries);
  const side = await tellStage(run, 'checksums', () =>
    recordSide(noted.result, { mode, jobs, written, read, emit, signal }),
  );
  refuseOtherNumbers(rows, side);
  const record: DumpRecord = {
    side,
    plainChunks: snapshot.schema.plainChunks,
    features: inventory.timescale ? await readFeatures(session) : NO_FEATURES,
    sequenceValues,
    jobStarts: snapshot.jobStarts,
    rolePasswords: options.rolePasswords ? await readRolePasswords(session) : new Map(),
    leftOut: [],
  };
  const databaseBytes = await readDatabaseBytes(session);
  return tellStage(run, 'finish', async () => {
    const dumped = {
      name: describeConnection(connection),
      snapshot,
      contents,
      compression,
      record,
      takenAt,
      databaseBytes,
      rolePasswords: options.rolePasswords ?? false,
    };
    const made = await writeDefinitions(folder, dumped);
    const files = [...rows.map(({ file }) => file), ...largeObjects, noted.file, ...made];
    const manifest = manifestOf(dumped, rows, files);
    const written =
      options.format === 'plain'
        ? await writePlainDump(folder, { pgDump, signal }, manifest, readme(readmeOf(dumped, 'plain')))
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
  const jobs = options.jobs ?? defaultJobs(seen);
  const findings = await runChecks(DUMP_CHECKS, {
    source: { inventory: seen, connection, session },
    pgDump,
    options: { jobs, rolePasswords: options.rolePasswords ?? false },
  });
  refuseBlockers(findings, options.skipChecks ?? []);
  noteWarnings(findings, emit);
  if (pgDump instanceof HyperferryError) throw pgDump;
  if (options.format === 'plain') await expectPgRestore(pgDump);
  // The rest is read again as of the snapshot.
  const { server, timescale } = seen;
  return { session, server, timescale, pgDump, jobs };
}

function configurationSequences({ extensions }: Inventory): QualifiedName[] {
  return extensions.flatMap(({ configuration }) => configuration.filter(({ kind }) => kind === 'sequence'));
}

/** What was written and what was counted are two readings of one snapshot. */
function refuseOtherNumbers(dumped: readonly DumpedRows[], { totals }: SideRecord): void {
  for (const { table, rows } of dumped) {
    const counted = totals.get(nameOf(table));
    if (!counted || counted.rows === rows) continue;
    throw new HyperferryError(
      'DIFFERENT',
      `${nameOf(table)} has ${counted.rows} rows, but ${rows} were written`,
    );
  }
}

function compressionOf({ format, compression }: DumpOptions): Compression {
  return format === 'plain' ? { algorithm: 'none' } : (compression ?? { algorithm: 'gzip' });
}
