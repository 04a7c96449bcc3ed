import type { Stage } from './migration.js';
import { workOnQueue } from './work-on-queue.js';

/**
 * The planner's statistics, several tables and chunks at once. While restore mode is on: with TimescaleDB's hooks,
 * `ANALYZE` of a hypertable reads each chunk once more.
 */
export const statistics: Stage = (migration) => workOnQueue('statistics', migration);
