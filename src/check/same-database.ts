import { randomBytes } from 'node:crypto';
import type { Session } from '../postgres/session.js';
import type { Check } from './finding.js';

/** Advisory locks are the one thing that every role may leave in a database and see from another session. */
const LOCK = 'SELECT pg_catalog.pg_advisory_lock($1::int, $2::int)';
const UNLOCK = 'SELECT pg_catalog.pg_advisory_unlock($1::int, $2::int)';
const SEE_LOCK = `
SELECT EXISTS (
  SELECT FROM pg_catalog.pg_locks
  WHERE locktype = 'advisory' AND classid = $1::int8::oid AND objid = $2::int8::oid
    AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
) AS seen`;

/** A migration onto itself would empty the database when the target is cleaned. */
export const sameDatabase: Check = async ({ source, target }) => {
  if (!(await isSameDatabase(source.session, target.session))) return [];
  const name = source.inventory.server.database;
  return [
    {
      id: 'same-database',
      severity: 'blocker',
      code: 'SAME_DATABASE',
      found: `expected two databases, but source and target are both the database ${name} of one server`,
      objects: [name],
      why: 'A database cannot be moved onto itself.',
      mend: 'Name another database or server as --target.',
    },
  ];
};

/** Leaves a lock of a random number on one side, and looks for it on the other. */
async function isSameDatabase(source: Session, target: Session): Promise<boolean> {
  const bytes = randomBytes(8);
  const key = [bytes.readInt32BE(0) >>> 1, bytes.readInt32BE(4) >>> 1];
  await source.query(LOCK, key);
  try {
    return (await target.one<{ seen: boolean }>(SEE_LOCK, key)).seen;
  } finally {
    await source.query(UNLOCK, key);
  }
}
