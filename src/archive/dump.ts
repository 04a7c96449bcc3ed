import type { Event } from '../engine/events.js';
import { secondsSince, tellStage } from '../engine/tell-stage.js';
import { readCollation } from '../inventory/collation.js';
import { readRolePasswords } from '../inventory/roles.js';
import { readDatabaseBytes } from '../inventory/server.js';
import { failureOf } from '../migrate/explain-failure.js';
import { JobHold } from '../migrate/job-hold.js';
import { closeSession } from '../migrate/run.js';
import type { Compression } from '../postgres/archive/archive-header.js';
import { describeConnection, parseConnection } from '../postgres/connection-string.js';
import { HyperferryError } from '../postgres/error.js';
import { quoteForShell } from '../postgres/quoting.js';
import { NO_FEATURES, readFeatures } from '../timescale/features.js';
import { type BegunDump, beginDump, type DumpRun } from './begin-dump.js';
import { type DumpedContent, dumpContent } from './dump-content.js';
import { type DumpedDatabase, readmeOf, writeDefinitions } from './dump-files.js';
import { DumpFolder } from './dump-folder.js';
import { manifestOf } from './dump-manifest.js';
import type { DumpOptions, DumpOutcome } from './dump-options.js';
import { MANIFEST_FILE, writeManifest } from './manifest.js';
import { writePlainDump } from './plain-dump.js';
import { readme } from './readme.js';

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
    compression: compressionOf(options),
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

function compressionOf({ format, compression }: DumpOptions): Compression {
  return format === 'plain' ? { algorithm: 'none' } : (compression ?? { algorithm: 'gzip' });
}

async function dumpInto(
  folder: DumpFolder,
  run: DumpRun,
  hold: JobHold,
): Promise<Omit<DumpOutcome, 'notices' | 'seconds'>> {
  const begun = await beginDump(run, hold);
  const content = await dumpContent(folder, run, begun);
  const dumped = await describe(run, begun, content);
  const bytes = await tellStage(run, 'finish', () => complete(folder, run, begun, content, dumped));
  return { ...countsOf(run, begun, content), bytes };
}

/** Adds what the source alone can tell beside its content. */
async function describe(
  { options, connection, compression }: DumpRun,
  { session, snapshot, takenAt }: BegunDump,
  { contents, side, sequenceValues }: DumpedContent,
): Promise<DumpedDatabase> {
  const { rolePasswords = false } = options;
  return {
    name: describeConnection(connection),
    snapshot,
    contents,
    compression,
    record: {
      side,
      plainChunks: snapshot.schema.plainChunks,
      features: snapshot.inventory.timescale ? await readFeatures(session) : NO_FEATURES,
      sequenceValues,
      jobStarts: snapshot.jobStarts,
      rolePasswords: rolePasswords ? await readRolePasswords(session) : new Map(),
      leftOut: [],
    },
    takenAt,
    databaseBytes: await readDatabaseBytes(session),
    collation: await readCollation(session),
    rolePasswords,
  };
}

/** Writes the files beside the rows, the manifest last, and gives the folder its name. @returns the bytes of all files */
async function complete(
  folder: DumpFolder,
  { options, emit, signal }: DumpRun,
  { pgDump }: BegunDump,
  { rows, files }: DumpedContent,
  dumped: DumpedDatabase,
): Promise<number> {
  const definitions = await writeDefinitions(folder, dumped);
  const ofArchive = manifestOf(dumped, rows, [...rows.map(({ file }) => file), ...files, ...definitions]);
  const manifest =
    options.format === 'plain'
      ? await writePlainDump(folder, { pgDump, signal }, ofArchive, readme(readmeOf(dumped, 'plain')))
      : ofArchive;
  const last = await folder.write(MANIFEST_FILE, writeManifest(manifest));
  signal.throwIfAborted();
  for (const message of await folder.complete()) emit({ type: 'notice', message });
  return [...manifest.files, last].reduce((sum, { bytes }) => sum + bytes, 0);
}

function countsOf(
  { options, connection }: DumpRun,
  { snapshot: { inventory }, jobs }: BegunDump,
  { rows }: DumpedContent,
): Omit<DumpOutcome, 'bytes' | 'notices' | 'seconds'> {
  const ofUser = rows.filter(({ table }) => table.relation);
  return {
    source: describeConnection(connection),
    out: options.out,
    format: options.format ?? 'archive',
    timescaleVersion: inventory.timescale?.version,
    jobs,
    tables: ofUser.length,
    hypertables: inventory.relations.filter(({ kind }) => kind === 'hypertable').length,
    chunks: inventory.relations.filter(({ kind }) => kind === 'chunk').length,
    rows: ofUser.reduce((sum, { rows: count }) => sum + count, 0),
  };
}
