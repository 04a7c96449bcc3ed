import { runTasks, type Task } from '../engine/pool.js';
import { populatedViews } from '../plan/plan.js';
import { databaseError } from '../postgres/database-error.js';
import { quoteQualified } from '../postgres/quoting.js';
import type { Session } from '../postgres/session.js';
import { type Migration, type Stage, targetWorkers } from './migration.js';

/**
 * The planner's statistics, a table or chunk at a time and several at once. While restore mode is on: with
 * TimescaleDB's hooks, `ANALYZE` of a hypertable reads each chunk once more.
 */
export const statistics: Stage = async (migration) => {
  const { plan, jobs, signal } = migration;
  const views = populatedViews(plan).map(({ schema = '', tag }) => ({ schema, name: tag, bytes: 0 }));
  const tasks = [...plan.source.relations, ...views].map((relation) => analyzeTask(relation, migration));
  await runTasks(tasks, jobs, targetWorkers(migration), signal);
};

function analyzeTask(
  relation: { readonly schema: string; readonly name: string; readonly bytes: number },
  { emit }: Migration,
): Task<Session> {
  return {
    id: `statistics of ${quoteQualified(relation)}`,
    after: [],
    locks: [],
    weight: relation.bytes,
    run: async (session) => {
      try {
        await session.query(`ANALYZE ${quoteQualified(relation)}`);
      } catch (error) {
        // An index whose function leaves names to the search_path cannot be analyzed, on the source neither.
        const refusal = databaseError(error);
        if (!refusal) throw error;
        emit({
          type: 'notice',
          message: `no statistics for ${relation.schema}.${relation.name}: ${refusal.message}`,
        });
      }
    },
  };
}
