import type { RowsMark } from '../../engine/done.js';
import type { CopiedRelation } from '../../plan/work.js';
import type { CopyMessage } from '../../postgres/copy-command.js';
import { databaseError } from '../../postgres/database-error.js';
import { HyperferryError } from '../../postgres/error.js';
import { quoteLiteral, quoteQualified } from '../../postgres/quoting.js';
import type { WorkerSettings } from './context.js';

/**
 * A table of a megabyte and more is truncated in the transaction that fills it, so that its rows can be stored
 * frozen. For a smaller one, making its files anew costs more (0.8 ms a file) than freezing its rows later.
 */
const FREEZE_FROM_BYTES = 1024 ** 2;

export function isStoredFrozen({ bytes, kind, loadThrough, range }: CopiedRelation): boolean {
  return bytes >= FREEZE_FROM_BYTES && kind !== 'hypertable' && !loadThrough && !range;
}

/** What CHECKs, generated columns and index expressions leave to the session, they find as an application has it. */
export function asApplication({
  applicationDefaults: { searchPath, timeZone },
}: WorkerSettings): Pick<CopyMessage, 'before' | 'after'> {
  return {
    before: [
      `SELECT pg_catalog.set_config('search_path', ${quoteLiteral(searchPath)}, true),
              pg_catalog.set_config('TimeZone', ${quoteLiteral(timeZone)}, true)`,
    ],
    after: ["SET LOCAL search_path = ''"],
  };
}

export function rowsMark(relation: CopiedRelation, rows: number, bytes: number): RowsMark {
  return {
    fingerprint: relation.fingerprint,
    object: `${relation.schema}.${relation.name}`,
    relation: quoteQualified(relation),
    undo: `TRUNCATE ONLY ${quoteQualified(relation)};`,
    kind: relation.kind,
    rows,
    bytes,
    sourceBytes: relation.bytes,
  };
}

/** @param relation whose COPY failed; undefined when it was another statement */
export function failureToCopy(relation: CopiedRelation | undefined, error: unknown): unknown {
  if (!relation) return error;
  return copyError(relation, databaseError(error)?.message ?? (error as Error).message, error);
}

export function copyError(
  { schema, name }: CopiedRelation,
  reason: string,
  cause?: unknown,
): HyperferryError {
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
