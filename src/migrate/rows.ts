import { runTasks, type Task, type WorkerSource } from '../engine/pool.js';
import type { Relation } from '../inventory/relations.js';
import type { CopyTask } from '../plan/copy-tasks.js';
import type { Plan } from '../plan/plan.js';
import { definitionOf } from '../plan/schema-statements.js';
import { databaseError } from '../postgres/database-error.js';
import { HyperferryError } from '../postgres/error.js';
import { quoteIdentifier, quoteQualified } from '../postgres/quoting.js';
import { type Copied, relayCopy } from '../postgres/relay.js';
import { Session } from '../postgres/session.js';
import { withSnapshot } from '../postgres/snapshot.js';
import { readableCompressedValue } from '../timescale/timescale.js';
import type { Migration, Stage } from './migration.js';
import { runStatements } from './run-statements.js';

/** A worker's connections: what it reads from one it writes to the other. */
interface Worker {
  readonly source: Session;
  readonly target: Session;
}

/**
 * A table of a megabyte and more is truncated in the transaction that fills it, so that its rows can be stored
 * frozen. For a smaller one, making its files anew costs more (0.8 ms a file) than freezing its rows later.
 */
const FREEZE_FROM_BYTES = 1024 ** 2;

/** Rows, largest relations first, and each table's indexes as soon as its rows are there. */
export const rowsAndIndexes: Stage = async (migration) => {
  const { plan, emit, jobs, signal } = migration;
  emit({
    type: 'rows-planned',
    relations: plan.copies.reduce((sum, { relations }) => sum + relations.length, 0),
    bytes: plan.copies.reduce((sum, { bytes }) => sum + bytes, 0),
  });
  const tasks = plan.copies.flatMap((copy) => [copyTask(copy, migration), ...indexTasks(copy, migration)]);
  await runTasks(tasks, jobs, workers(migration), signal);
};

function workers({ plan, source, target }: Migration): WorkerSource<Worker> {
  return {
    open: async () => {
      const worker = {
        source: await Session.open('source', source.connection),
        target: await Session.open('target', target.connection),
      };
      await setApplicationDefaults(worker.target, plan);
      return worker;
    },
    close: async (worker) => {
      await Promise.all([worker.source.close(), worker.target.close()]);
    },
    destroy: (worker) => {
      worker.source.destroy();
      worker.target.destroy();
    },
  };
}

/** CHECKs, generated columns and index expressions may leave names and times to the settings of the application. */
async function setApplicationDefaults(target: Session, plan: Plan): Promise<void> {
  const { search_path = '', TimeZone = 'UTC' } = plan.source.server.sessionDefaults;
  await target.query(
    "SELECT pg_catalog.set_config('search_path', $1, false), pg_catalog.set_config('TimeZone', $2, false)",
    [search_path, TimeZone],
  );
}

function copyTask(copy: CopyTask, migration: Migration): Task<Worker> {
  return {
    id: copy.id,
    after: [],
    locks: [],
    weight: copy.bytes,
    run: async ({ source, target }) => {
      await withSnapshot(source, migration.source.snapshot, async () => {
        await guardAgainstRewrite(source, copy.relations);
        await target.transaction(async () => {
          for (const relation of copy.relations) await copyRelation(relation, source, target, migration);
        });
      });
    },
  };
}

/** An index is begun before further rows are: its table's rows are still in memory. */
function indexTasks(copy: CopyTask, { plan }: Migration): Task<Worker>[] {
  const entries = copy.relations.flatMap(({ oid }) => plan.schema.indexes.get(oid) ?? []);
  if (entries.length === 0) return [];
  const statements = entries.map((entry) => definitionOf(entry, plan.tablespaces));
  return [
    {
      id: `indexes of ${copy.id}`,
      after: [copy.id],
      locks: [],
      weight: Number.POSITIVE_INFINITY,
      run: async ({ target }) => {
        // An index is resolved as pg_dump wrote it, with no search_path.
        await target.query("SET search_path = ''");
        await runStatements(target, statements);
        await setApplicationDefaults(target, plan);
      },
    },
  ];
}

const LOCKED_FILE_NODES = `
SELECT r.oid::int8 AS oid, pg_catalog.pg_relation_filenode(r.oid)::int8 AS "fileNode"
FROM pg_catalog.unnest($1::oid[]) AS r (oid)`;

/**
 * Takes the locks of the copy, and then compares each relation's file node with that of the snapshot. A `TRUNCATE`
 * (and so `compress_chunk`) is not MVCC-safe: to the snapshot, the relation would look empty.
 * Source: https://www.postgresql.org/docs/current/mvcc-caveats.html
 */
async function guardAgainstRewrite(source: Session, relations: readonly Relation[]): Promise<void> {
  const names = relations.map((relation) => `ONLY ${quoteQualified(relation)}`).join(', ');
  let dropped: unknown;
  const found = new Map<number, number | null>();
  try {
    await source.query(`LOCK TABLE ${names} IN ACCESS SHARE MODE`);
    const rows = await source.query<{ oid: string; fileNode: string | null }>(LOCKED_FILE_NODES, [
      relations.map(({ oid }) => oid),
    ]);
    for (const { oid, fileNode } of rows) found.set(Number(oid), fileNode === null ? null : Number(fileNode));
  } catch (error) {
    if (databaseError(error)?.code !== '42P01') throw error;
    dropped = error;
  }
  const changed = relations.filter(({ oid, fileNode }) => found.get(oid) !== fileNode);
  if (changed.length === 0) return;
  const shown = changed.slice(0, 10).map(({ schema, name }) => `${schema}.${name}`);
  throw new HyperferryError(
    'SOURCE_CHANGED',
    dropped
      ? `a relation was dropped or renamed on the source after the snapshot was taken: ${databaseError(dropped)?.message}`
      : `rewritten on the source after the snapshot was taken (compressed, truncated, reordered or vacuumed in full): ${shown.join(', ')}`,
    {
      cause: dropped,
      hint: 'Keep other sessions from compressing, truncating and dropping while the copy runs, and start over.',
    },
  );
}

async function copyRelation(
  relation: Relation,
  source: Session,
  target: Session,
  migration: Migration,
): Promise<void> {
  const freeze =
    relation.bytes >= FREEZE_FROM_BYTES && relation.kind !== 'hypertable' && !relation.loadThrough;
  const options = `FORMAT ${relation.format}${freeze ? ', FREEZE' : ''}`;
  const name = quoteQualified(relation.loadThrough ?? relation);
  const columns = relation.columns.map((column) => quoteIdentifier(column.name)).join(', ');
  const list = columns === '' ? '' : ` (${columns})`;
  let copied: Copied;
  try {
    if (freeze) await target.query(`TRUNCATE ONLY ${name}`);
    copied = await relayCopy(
      source,
      `COPY ${rowsOf(relation, migration)} TO STDOUT (FORMAT ${relation.format})`,
      target,
      `COPY ${name}${list} FROM STDIN (${options})`,
    );
  } catch (error) {
    throw copyError(relation, databaseError(error)?.message ?? (error as Error).message, error);
  }
  const { sent, received, bytes } = copied;
  if (sent !== received)
    throw copyError(relation, `the source sent ${sent} rows and the target took ${received}`);
  migration.emit({
    type: 'relation-copied',
    relation: `${relation.schema}.${relation.name}`,
    kind: relation.kind,
    rows: received,
    bytes,
    sourceBytes: relation.bytes,
  });
}

function copyError({ schema, name }: Relation, reason: string, cause?: unknown): HyperferryError {
  return new HyperferryError('COPY', `the rows of ${schema}.${name} could not be copied: ${reason}`, {
    cause,
  });
}

/**
 * The relation and its columns. Compressed rows by a query, since TimescaleDB takes a `COPY` that names the relation
 * of a frozen chunk for one that writes (2.29.2); and since a stored value may be one that cannot be read back.
 */
function rowsOf(relation: Relation, { plan }: Migration): string {
  const name = quoteQualified(relation);
  const { columns } = relation;
  if (columns.some((column) => column.isCompressedData)) {
    const mends = plan.source.timescale?.storesNullAsUnreadableValue;
    const values = columns.map((column) =>
      mends && column.isCompressedData ? readableCompressedValue(column.name) : quoteIdentifier(column.name),
    );
    return `(SELECT ${values.join(', ')} FROM ONLY ${name})`;
  }
  return columns.length === 0
    ? name
    : `${name} (${columns.map((column) => quoteIdentifier(column.name)).join(', ')})`;
}
