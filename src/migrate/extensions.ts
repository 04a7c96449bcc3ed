import type { Extension } from '../inventory/extensions.js';
import { databaseError } from '../postgres/database-error.js';
import { HyperferryError } from '../postgres/error.js';
import { quoteIdentifier, quoteLiteral } from '../postgres/quoting.js';
import { Session } from '../postgres/session.js';
import type { Migration, Stage } from './migration.js';

/**
 * The extensions, at the source's versions and in its schemas. TimescaleDB's library is loaded by the first command
 * that touches it, for the version that the database has then; so what changes its version runs in a session of its
 * own, as the first command there.
 */
export const extensions: Stage = async (migration) => {
  const { dropTimescale, create } = migration.plan.extensions;
  if (dropTimescale) {
    await inBareSession(migration, (session) => session.query('DROP EXTENSION timescaledb CASCADE'));
  }
  for (const { extension, version } of create) {
    await migration.target.session.query(`CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(extension.schema)}`);
    try {
      await inBareSession(migration, (session) => session.query(createExtension(extension, version)));
    } catch (error) {
      const refusal = databaseError(error);
      if (!refusal) throw error;
      throw new HyperferryError(
        'STATEMENT',
        `the target refused the extension ${extension.name} ${version ?? ''}: ${refusal.message}`,
        { cause: error, hint: `Install the extension ${extension.name} on the target server.` },
      );
    }
  }
};

function createExtension(extension: Extension, version: string | undefined): string {
  return (
    `CREATE EXTENSION ${quoteIdentifier(extension.name)} WITH SCHEMA ${quoteIdentifier(extension.schema)}` +
    (version === undefined ? '' : ` VERSION ${quoteLiteral(version)}`)
  );
}

async function inBareSession(
  migration: Migration,
  work: (session: Session) => Promise<unknown>,
): Promise<void> {
  const session = await Session.open('target', migration.target.connection, { bare: true });
  try {
    await work(session);
  } finally {
    await session.close();
  }
}
