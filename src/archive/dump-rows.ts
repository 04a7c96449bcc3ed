import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Emit } from '../engine/events.js';
import type { LargeObject } from '../inventory/large-objects.js';
import { expectSameFiles, type LockedRelation, lockFileNodes } from '../migrate/rewrite-guard.js';
import { storedValue } from '../migrate/stored-value.js';
import { groupRelations } from '../plan/relation-groups.js';
import type { Compression } from '../postgres/archive/archive-header.js';
import { writeFileAtOnce } from '../postgres/archive/compressed-file.js';
import { createDataFile, type WrittenFile } from '../postgres/archive/data-file.js';
import { CopyOut } from '../postgres/copy-out.js';
import { databaseError } from '../postgres/database-error.js';
import { HyperferryError } from '../postgres/error.js';
import { largeObjectContent } from '../postgres/large-object-content.js';
import { quoteIdentifier, quoteQualified } from '../postgres/quoting.js';
import type { Session } from '../postgres/session.js';
import { withSnapshot } from '../postgres/snapshot.js';
import { runTasks, type Task } from '../verify/pool.js';
import type { DumpedTable } from './dump-entries.js';
import { DumpReader } from './dump-reader.js';
import { FileReceiver } from './file-receiver.js';

/** What the files of a dump are written from and to. */
export interface DumpWriting {
  readonly folder: string;
  readonly compression: Compression;
  readonly snapshot: string;
  readonly jobs: number;
  /** Whether the source stores compressed values that cannot be read back. */
  readonly storesNullAsUnreadableValue: boolean;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  open(): Promise<Session>;
}

/** The rows of a table as they were written. */
export interface DumpedRows {
  readonly table: DumpedTable;
  readonly rows: number;
  readonly file: WrittenFile;
}

/** Writes the rows of tables, as `COPY`'s text: the largest first, each into a file of its own. */
export async function dumpRows(
  tables: readonly DumpedTable[],
  writing: DumpWriting,
): Promise<readonly DumpedRows[]> {
  const { emit } = writing;
  const relations = tables.flatMap(({ relation }) => relation ?? []);
  emit({
    type: 'rows-planned',
    relations: relations.length,
    bytes: relations.reduce((sum, { bytes }) => sum + bytes, 0),
  });
  const dumped: DumpedRows[] = [];
  const tasks = groupRelations(tables).map(
    ({ relations: batch, bytes }): Task<Session> => ({
      weight: bytes,
      run: async (session) => {
        for (const one of await dumpBatch(batch, session, writing)) {
          dumped.push(one);
          const { relation } = one.table;
          if (!relation) continue;
          emit({
            type: 'relation-copied',
            relation: `${relation.schema}.${relation.name}`,
            kind: relation.kind,
            rows: one.rows,
            bytes: one.file.bytes,
            sourceBytes: relation.bytes,
          });
        }
      },
    }),
  );
  await runInSessions(tasks, writing);
  return dumped;
}

async function dumpBatch(
  batch: readonly DumpedTable[],
  session: Session,
  writing: DumpWriting,
): Promise<readonly DumpedRows[]> {
  const relations = batch.flatMap(({ relation }) => relation ?? []);
  const receiver = new FileReceiver(
    batch.map(({ entry }) => () => {
      const name = entry.data.at === 'file' ? entry.data.name : '';
      return createDataFile({ ...writing, name, content: 'rows' });
    }),
  );
  const copies = batch.map((table) => `COPY ${selectionOf(table, writing)} TO STDOUT`);
  const output = new CopyOut({ copies }, session, receiver);
  try {
    return await withSnapshot<DumpedRows[], LockedRelation>(
      session,
      writing.snapshot,
      async (locked) => {
        expectSameFiles(relations, locked);
        session.submit(output);
        const rows = await Promise.race([output.finished, receiver.failed]).catch((error: unknown) => {
          // The server sends on, and nobody reads: it could not even be told to roll back.
          if (output.isRunning) session.destroy();
          throw error;
        });
        const files = await receiver.finish();
        return batch.flatMap((table, at) => {
          const file = files[at];
          return file ? { table, rows: rows[at] ?? 0, file } : [];
        });
      },
      relations.length > 0 ? lockFileNodes(relations) : undefined,
    );
  } catch (error) {
    await receiver.abandon();
    const refusal = databaseError(error);
    const table = batch[output.copyInHand ?? -1];
    if (!refusal || !table) throw error;
    throw new HyperferryError(
      'COPY',
      `the rows of ${table.schema}.${table.name} could not be dumped: ${refusal.message}`,
      { hint: refusal.hint ?? MEND_ROWS, cause: error },
    );
  }
}

const MEND_ROWS =
  'Mend that on the source, and dump again. Rows that are too large for an archive go by hyperferry migrate, in binary form.';

/** A query for all but plain tables: of extensions' tables, the user's rows; of compressed rows, see `work/rows.ts`. */
function selectionOf(
  { relation, configuration, columns, ...table }: DumpedTable,
  writing: DumpWriting,
): string {
  const name = quoteQualified(table);
  const list = columns.map(quoteIdentifier);
  if (configuration) return `(SELECT ${list.join(', ')} FROM ONLY ${name} ${configuration.condition})`;
  if (relation?.columns.some((column) => column.isCompressedData)) {
    const values = relation.columns.map((column) => storedValue(column, writing.storesNullAsUnreadableValue));
    return `(SELECT ${values.join(', ')} FROM ONLY ${name})`;
  }
  return list.length === 0 ? name : `${name} (${list.join(', ')})`;
}

/** Writes large objects, and the list of their files. */
export async function dumpLargeObjects(
  objects: readonly LargeObject[],
  writing: DumpWriting,
): Promise<readonly WrittenFile[]> {
  if (objects.length === 0) return [];
  const files: WrittenFile[] = [];
  const tasks = objects.map(
    ({ oid }): Task<Session> => ({
      weight: 0,
      run: (session) =>
        withSnapshot(session, writing.snapshot, async () => {
          const file = createDataFile({ ...writing, name: fileOf(oid), content: 'large-object' });
          try {
            for await (const piece of largeObjectContent(session, oid)) await file.write(piece);
            files.push(await file.close());
          } catch (error) {
            await file.abandon();
            throw error;
          }
        }),
    }),
  );
  await runInSessions(tasks, writing);
  const list = Buffer.from(objects.map(({ oid }) => `${oid} ${fileOf(oid)}\n`).join(''));
  const name = 'blobs.toc';
  writeFileAtOnce(join(writing.folder, name), list);
  return [...files, { name, bytes: list.length, sha256: createHash('sha256').update(list).digest('hex') }];
}

function fileOf(oid: number): string {
  return `blob_${oid}.dat`;
}

async function runInSessions(tasks: readonly Task<Session>[], writing: DumpWriting): Promise<void> {
  await runTasks(
    tasks.map(({ weight, run }): Task<DumpReader> => ({ weight, run: (reader) => reader.read(run) })),
    writing.jobs,
    {
      open: () => DumpReader.open(() => writing.open(), writing.emit),
      close: (reader) => reader.close(),
      destroy: (reader) => reader.destroy(),
    },
    writing.signal,
  );
}
