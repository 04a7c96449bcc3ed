import { CARRY_KEYS_TO_CHUNKS, LEAVE_RESTORE_MODE_IN_SESSION } from '../timescale/timescale.js';
import { makeOnce } from './make-once.js';
import { type Stage, withTargetSession } from './migration.js';

/** Foreign keys that reference hypertables: in restore mode their check sees no rows. */
export const hypertableKeys: Stage = async (migration) => {
  const { plan } = migration;
  if (plan.schema.hypertableKeys.length === 0) return;
  await withTargetSession(migration, async (session) => {
    if (plan.target.server.isSuperuser) await session.query(LEAVE_RESTORE_MODE_IN_SESSION);
    // The database may have it off by now, as the source's has.
    await session.query(CARRY_KEYS_TO_CHUNKS);
    await makeOnce(session, plan.schema.hypertableKeys, migration);
  });
};
