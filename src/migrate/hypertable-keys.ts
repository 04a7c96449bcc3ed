import { definitionOf } from '../plan/schema-statements.js';
import { LEAVE_RESTORE_MODE_IN_SESSION } from '../timescale/timescale.js';
import { type Stage, withTargetSession } from './migration.js';
import { runStatements } from './run-statements.js';

/** Foreign keys that reference hypertables: in restore mode their check sees no rows. */
export const hypertableKeys: Stage = async (migration) => {
  const entries = migration.plan.schema.hypertableKeys;
  if (entries.length === 0) return;
  await withTargetSession(migration, async (session) => {
    if (migration.plan.target.server.isSuperuser) await session.query(LEAVE_RESTORE_MODE_IN_SESSION);
    await runStatements(
      session,
      entries.map((entry) => definitionOf(entry, migration.plan.tablespaces)),
    );
  });
};
