import type { AnalyzeWork } from '../../plan/work.js';
import { databaseError } from '../../postgres/database-error.js';
import { quoteQualified } from '../../postgres/quoting.js';
import type { Session } from '../../postgres/session.js';
import { isTransient } from '../../postgres/transient.js';
import type { Brought } from './context.js';

/** The planner's statistics of tables and chunks. */
export async function analyze({ relations }: AnalyzeWork, target: Session): Promise<Brought> {
  const notices: string[] = [];
  for (const relation of relations) {
    try {
      await target.query(`SAVEPOINT one; ANALYZE ${quoteQualified(relation)}; RELEASE one`);
    } catch (error) {
      // An index whose function leaves names to the search_path cannot be analyzed, on the source neither.
      const refusal = databaseError(error);
      if (!refusal || isTransient(error)) throw error;
      await target.query('ROLLBACK TO one');
      notices.push(`no statistics for ${relation.schema}.${relation.name}: ${refusal.message}`);
    }
  }
  return { rows: [], objects: [], notices };
}
