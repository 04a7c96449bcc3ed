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
import { guardAgainstRewrite } from './rewrite-guard.js';
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
