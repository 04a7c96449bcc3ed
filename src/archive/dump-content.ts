import { tellStage } from '../engine/tell-stage.js';
import type { Inventory } from '../inventory/inventory.js';
import { type QualifiedName, readSequenceValues, type SequenceValue } from '../inventory/sequences.js';
import { refuseOtherColumns, refuseOtherLabels, relationsWithOtherColumns } from '../migrate/column-guard.js';
import { allOver } from '../migrate/run.js';
import type { WrittenFile } from '../postgres/archive/data-file.js';
import { describeConnection } from '../postgres/connection-string.js';
import { HyperferryError } from '../postgres/error.js';
import { Session } from '../postgres/session.js';
import { nameOf } from '../verify/compared-relation.js';
import { noteSide, recordSide } from '../verify/record-side.js';
import type { SideRecord } from '../verify/side-record.js';
import type { BegunDump, DumpRun } from './begin-dump.js';
import { type DumpContents, dumpContents } from './dump-entries.js';
import type { DumpFolder } from './dump-folder.js';
import { type DumpedRows, type DumpWriting, dumpLargeObjects, dumpRows } from './dump-rows.js';
import { readObjects, writeObjects } from './objects-file.js';

/** What the source holds, as it was written. */
export interface DumpedContent {
  readonly contents: DumpContents;
  readonly sequenceValues: readonly SequenceValue[];
  readonly rows: readonly DumpedRows[];
  /** Of large objects, and of the objects that are compared. */
  readonly files: readonly WrittenFile[];
  /** What a comparison will ask of the source. */
  readonly side: SideRecord;
}

/** Writes rows, large objects and what a comparison asks of the catalogs, and reads what the rows add up to. */
export async function dumpContent(
  folder: DumpFolder,
  run: DumpRun,
  begun: BegunDump,
): Promise<DumpedContent> {
  const { connection, emit, signal } = run;
  const { session, snapshot, jobs } = begun;
  const { inventory } = snapshot;
  const ofUser = await readSequenceValues(session, inventory.sequences);
  const ofExtensions = await readSequenceValues(session, configurationSequences(inventory));
  const sequenceValues = [...ofExtensions, ...ofUser];
  const contents = dumpContents(snapshot.schema.entries, inventory, sequenceValues);
  const writing = writingOf(folder, run, begun);
  const access = {
    name: describeConnection(connection),
    open: writing.open,
    snapshot: snapshot.id,
    inventory,
  };
  const mode = run.options.verify ?? 'checksums';
  // The server's catalogs are read while this process writes files.
  const [rows, noted] = await tellStage(run, 'rows', () =>
    allOver([
      dumpRows(contents.tables, writing),
      writeObjects(folder.path, (note) => noteSide(access, { mode, sequenceValues: ofUser, signal, note })),
    ]),
  );
  refuseOtherColumns(await relationsWithOtherColumns(access, inventory));
  await refuseOtherLabels(access);
  const largeObjects = await tellStage(run, 'large objects', () =>
    dumpLargeObjects(inventory.largeObjects, writing),
  );
  const written = rowsWritten(rows);
  const read = (queries: ReadonlySet<string>) => readObjects(folder.path, queries);
  const side = await tellStage(run, 'checksums', () =>
    recordSide(noted.result, { mode, jobs, written, read, emit, signal }),
  );
  refuseOtherNumbers(rows, side);
  return { contents, sequenceValues, rows, files: [...largeObjects, noted.file], side };
}

function writingOf(
  folder: DumpFolder,
  { compression, connection, emit, signal }: DumpRun,
  { snapshot: { id, inventory }, jobs }: BegunDump,
): DumpWriting {
  return {
    folder: folder.path,
    compression,
    snapshot: id,
    jobs,
    storesNullAsUnreadableValue: inventory.timescale?.storesNullAsUnreadableValue ?? false,
    emit,
    signal,
    open: () => Session.open('source', connection),
  };
}

function configurationSequences({ extensions }: Inventory): QualifiedName[] {
  return extensions.flatMap(({ configuration }) => configuration.filter(({ kind }) => kind === 'sequence'));
}

function rowsWritten(dumped: readonly DumpedRows[]): (name: string) => number {
  const numbers = new Map(dumped.map(({ table, rows }) => [nameOf(table), rows]));
  return (name) => numbers.get(name) ?? 0;
}

/** What was written and what was counted are two readings of one snapshot. */
function refuseOtherNumbers(dumped: readonly DumpedRows[], { totals }: SideRecord): void {
  for (const { table, rows } of dumped) {
    const counted = totals.get(nameOf(table));
    if (!counted || counted.rows === rows) continue;
    throw new HyperferryError(
      'DIFFERENT',
      `${nameOf(table)} has ${counted.rows} rows, but ${rows} were written`,
      {
        hint: 'Dump again. If it comes again, look whether the table is damaged (pg_amcheck); else it is a defect of Hyperferry: please report it.',
      },
    );
  }
}
