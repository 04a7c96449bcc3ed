import type { AnalyzeWork } from '../../plan/work.js';
import { type DatabaseError, databaseError } from '../../postgres/database-error.js';
import { quoteQualified } from '../../postgres/quoting.js';
import type { Session } from '../../postgres/session.js';
import { isTransient } from '../../postgres/transient.js';
import type { Brought } from './context.js';

type Analyzed = AnalyzeWork['relations'][number];

/** The planner's statistics of tables and chunks, in one statement unless the server refuses one of them. */
export async function analyze({ relations, only }: AnalyzeWork, target: Session): Promise<Brought> {
  const refused = await refusalOf(relations, only, target);
  const notices: string[] = [];
  // An index whose function leaves names to the search_path cannot be analyzed, on the source neither.
  for (const relation of refused ? relations : []) {
    const refusal = relations.length === 1 ? refused : await refusalOf([relation], only, target);
    if (refusal) notices.push(`no statistics for ${relation.schema}.${relation.name}: ${refusal.message}`);
  }
  return { rows: [], objects: [], notices };
}

/** @returns what the server says against it, or undefined when they are analyzed */
async function refusalOf(
  relations: readonly Analyzed[],
  only: boolean | undefined,
  target: Session,
): Promise<DatabaseError | undefined> {
  const names = relations.map((relation) => `${only ? 'ONLY ' : ''}${quoteQualified(relation)}`);
  try {
    await target.query(`SAVEPOINT analyzing; ANALYZE ${names.join(', ')}; RELEASE analyzing`);
    return undefined;
  } catch (error) {
    const refusal = databaseError(error);
    if (!refusal || isTransient(error)) throw error;
    await target.query('ROLLBACK TO analyzing');
    return refusal;
  }
}
