import type { Connection } from '../postgres/connection-string.js';
import { databaseError } from '../postgres/database-error.js';
import { HyperferryError } from '../postgres/error.js';
import { quoteLiteral } from '../postgres/quoting.js';
import { Session, type Side } from '../postgres/session.js';
import { compareVersions } from './timescale.js';

/** A server that was read before. */
export interface KnownServer {
  readonly connection: Connection;
  readonly serverVersion: number;
}

/**
 * Updates TimescaleDB, as the first command of a fresh session: the library is loaded by the first command that
 * touches it, for the version that the database has then.
 *
 * @param version the newest that the server has when undefined
 */
export async function updateTimescale(
  side: Side,
  server: KnownServer,
  version: string | undefined,
): Promise<void> {
  const to = version === undefined ? '' : ` TO ${quoteLiteral(version)}`;
  await asFirstCommand(side, server, `ALTER EXTENSION timescaledb UPDATE${to}`);
}

/** Runs one command as the first of a fresh session. */
export async function asFirstCommand(
  side: Side,
  { connection, serverVersion }: KnownServer,
  sql: string,
): Promise<void> {
  const session = await Session.open(side, connection, { bare: true, serverVersion });
  try {
    await session.query(sql);
  } catch (error) {
    const refusal = databaseError(error);
    if (!refusal) throw error;
    throw new HyperferryError('STATEMENT', `the ${side} refused ${sql}: ${refusal.message}`, {
      cause: error,
      hint: refusal.hint ?? refusal.detail ?? `Run it on the ${side} as the owner of the extension.`,
    });
  } finally {
    await session.close();
  }
}

const READ_UPDATE_TARGETS = `
SELECT target AS version FROM pg_catalog.pg_extension_update_paths('timescaledb')
WHERE source = $1 AND path IS NOT NULL`;

/** The versions that a server has update scripts for from the given one. */
export async function updateTargets(session: Session, version: string): Promise<string[]> {
  const rows = await session.query<{ version: string }>(READ_UPDATE_TARGETS, [version]);
  return rows.map((row) => row.version);
}

/**
 * The nearest version to which the source's server can update its TimescaleDB, of those that the target has.
 * Undefined when there is none.
 */
export async function commonUpdate(
  source: Session,
  version: string,
  available: readonly string[],
): Promise<string | undefined> {
  return (await updateTargets(source, version))
    .filter((candidate) => available.includes(candidate) && compareVersions(candidate, version) > 0)
    .toSorted(compareVersions)[0];
}
