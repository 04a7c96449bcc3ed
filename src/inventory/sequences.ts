import { databaseError } from '../postgres/database-error.js';
import { HyperferryError } from '../postgres/error.js';
import { isNoMember } from '../postgres/extension-member.js';
import { quoteLiteral, quoteQualified } from '../postgres/quoting.js';
import type { Session } from '../postgres/session.js';

export interface QualifiedName {
  readonly schema: string;
  readonly name: string;
}

export interface SequenceValue extends QualifiedName {
  /** As text: a sequence counts up to 2^63 - 1. */
  readonly lastValue: string;
  readonly isCalled: boolean;
}

const READ_SEQUENCES = `
SELECT n.nspname AS schema, c.relname AS name
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND n.nspname <> '_hyperferry'
  AND ${isNoMember('pg_class', 'c.oid')}
ORDER BY 1, 2`;

/** The names of the user's sequences. */
export async function readSequences(session: Session): Promise<QualifiedName[]> {
  return session.query<QualifiedName & Record<string, unknown>>(READ_SEQUENCES);
}

/** A hundred sequences a query: few round trips, and few locks at a time. */
const SEQUENCES_A_QUERY = 100;

/** The state of sequences. It is no matter of snapshots: a sequence is always read as it is now, by `pg_dump` too. */
export async function readSequenceValues(
  session: Session,
  names: readonly QualifiedName[],
): Promise<SequenceValue[]> {
  const values: SequenceValue[] = [];
  for (let first = 0; first < names.length; first += SEQUENCES_A_QUERY) {
    const query = names
      .slice(first, first + SEQUENCES_A_QUERY)
      .map(
        (sequence) => `
SELECT ${quoteLiteral(sequence.schema)} AS schema, ${quoteLiteral(sequence.name)} AS name,
       last_value::text AS "lastValue", is_called AS "isCalled" FROM ${quoteQualified(sequence)}`,
      )
      .join(' UNION ALL ');
    values.push(...(await readValues(session, query)));
  }
  return values;
}

async function readValues(session: Session, query: string): Promise<SequenceValue[]> {
  try {
    return await session.query<SequenceValue & Record<string, unknown>>(query);
  } catch (error) {
    const refusal = databaseError(error);
    if (!refusal || !IS_GONE.has(refusal.code)) throw error;
    throw new HyperferryError(
      'SOURCE_CHANGED',
      `a sequence was dropped or renamed on the ${session.side} after the snapshot was taken: ${refusal.message}`,
      {
        cause: error,
        hint: 'Begin again; a migration goes on with --resume, or by itself: --on-rewrite retry.',
      },
    );
  }
}

/** A relation, a schema. */
const IS_GONE: ReadonlySet<string> = new Set(['42P01', '3F000']);
