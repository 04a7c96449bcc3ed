import type { RowsMark } from '../../engine/done.js';
import type { CopiedRelation, CopyWork, Layout } from '../../plan/work.js';
import { databaseError } from '../../postgres/database-error.js';
import { HyperferryError } from '../../postgres/error.js';
import { quoteIdentifier, quoteQualified } from '../../postgres/quoting.js';
import { relayCopy } from '../../postgres/relay.js';
import type { Session } from '../../postgres/session.js';
import { withSnapshot } from '../../postgres/snapshot.js';
import { readableCompressedValue } from '../../timescale/timescale.js';
import { guardAgainstRewrite } from '../rewrite-guard.js';
import type { Brought, WorkerSessions, WorkerSettings } from './context.js';

/**
 * A table of a megabyte and more is truncated in the transaction that fills it, so that its rows can be stored
 * frozen. For a smaller one, making its files anew costs more (0.8 ms a file) than freezing its rows later.
 */
const FREEZE_FROM_BYTES = 1024 ** 2;

/** Rows, from the source as of the snapshot to the target in the transaction of its session. */
export async function copyRows(
  { layouts, relations }: CopyWork,
  { target, openSource }: WorkerSessions,
  settings: WorkerSettings,
): Promise<Brought> {
  const rows: RowsMark[] = [];
  const source = await openSource();
  await withSnapshot(source, settings.snapshot, async () => {
    await guardAgainstRewrite(source, relations);
    const { searchPath, timeZone } = settings.applicationDefaults;
    await target.query(
      "SELECT pg_catalog.set_config('search_path', $1, true), pg_catalog.set_config('TimeZone', $2, true)",
      [searchPath, timeZone],
    );
    for (const relation of relations) {
      const layout = layouts[relation.layout];
      if (!layout) throw new HyperferryError('INTERNAL', `the task names no columns of ${relation.name}`);
      rows.push(await copyRelation(relation, layout, source, target, settings));
    }
  });
  await target.query("SET LOCAL search_path = ''");
  return { rows, objects: [], notices: [] };
}

async function copyRelation(
  relation: CopiedRelation,
  layout: Layout,
  source: Session,
  target: Session,
  settings: WorkerSettings,
): Promise<RowsMark> {
  const freeze =
    relation.bytes >= FREEZE_FROM_BYTES && relation.kind !== 'hypertable' && !relation.loadThrough;
  const options = `FORMAT ${layout.format}${freeze ? ', FREEZE' : ''}`;
  const name = quoteQualified(relation.loadThrough ?? relation);
  const columns = layout.columns.map((column) => quoteIdentifier(column.name)).join(', ');
  const list = columns === '' ? '' : ` (${columns})`;
  try {
    if (freeze) await target.query(`TRUNCATE ONLY ${name}`);
    const { sent, received, bytes } = await relayCopy(
      source,
      `COPY ${rowsOf(relation, layout, settings)} TO STDOUT (FORMAT ${layout.format})`,
      target,
      `COPY ${name}${list} FROM STDIN (${options})`,
    );
    if (sent !== received)
      throw copyError(relation, `the source sent ${sent} rows and the target took ${received}`);
    return {
      fingerprint: relation.fingerprint,
      object: `${relation.schema}.${relation.name}`,
      relation: quoteQualified(relation),
      undo: `TRUNCATE ONLY ${quoteQualified(relation)};`,
      kind: relation.kind,
      rows: received,
      bytes,
      sourceBytes: relation.bytes,
    };
  } catch (error) {
    if (error instanceof HyperferryError && error.code === 'COPY') throw error;
    throw copyError(relation, databaseError(error)?.message ?? (error as Error).message, error);
  }
}

function copyError({ schema, name }: CopiedRelation, reason: string, cause?: unknown): HyperferryError {
  return new HyperferryError('COPY', `the rows of ${schema}.${name} could not be copied: ${reason}`, {
    cause,
    hint: hintFor(databaseError(cause)?.code),
  });
}

/** What may be done about a refusal that does not pass by itself. */
function hintFor(state = ''): string | undefined {
  if (state === '53100') return 'Make room on the disk of the server that said so, and go on.';
  if (state === '42501') return 'Give the connecting role the right that it lacks.';
  if (state.startsWith('23'))
    return 'The target takes no row that the constraint refuses; mend it on the source.';
  return undefined;
}

/**
 * The relation and its columns. Compressed rows by a query, since TimescaleDB takes a `COPY` that names the relation
 * of a frozen chunk for one that writes (2.29.2); and since a stored value may be one that cannot be read back.
 */
function rowsOf(relation: CopiedRelation, { columns }: Layout, settings: WorkerSettings): string {
  const name = quoteQualified(relation);
  if (columns.some((column) => column.isCompressedData)) {
    const values = columns.map((column) =>
      settings.storesNullAsUnreadableValue && column.isCompressedData
        ? readableCompressedValue(column.name)
        : quoteIdentifier(column.name),
    );
    return `(SELECT ${values.join(', ')} FROM ONLY ${name})`;
  }
  return columns.length === 0
    ? name
    : `${name} (${columns.map((column) => quoteIdentifier(column.name)).join(', ')})`;
}
