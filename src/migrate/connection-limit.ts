import { quoteIdentifier } from '../postgres/quoting.js';
import { type Migration, withTargetSession } from './migration.js';

/**
 * Gives the target the source's `CONNECTION LIMIT`, when the run needs no session there any more: the limit of a source that
 * is locked (0) keeps everyone out but superusers. The migration is complete, whatever comes of this.
 */
export async function limitConnections(migration: Migration): Promise<void> {
  const { source, target, options } = migration.plan;
  const { connectionLimit } = source.database;
  // Definitions without rows: the rows are still to come.
  const isMeant = !options.only && options.content !== 'definitions';
  if (!isMeant || connectionLimit === target.database.connectionLimit) return;
  const sql = `ALTER DATABASE ${quoteIdentifier(target.server.database)} CONNECTION LIMIT ${connectionLimit};`;
  try {
    await withTargetSession(migration, (session) => session.query(sql));
  } catch (error) {
    migration.leaveOut({
      object: 'connection limit of the database',
      reason: (error as Error).message,
      sql,
    });
  }
}
