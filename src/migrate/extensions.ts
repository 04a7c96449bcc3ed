import { type ExtensionCreation, planCreation } from '../plan/extension-plan.js';
import { HyperferryError } from '../postgres/error.js';
import { quoteIdentifier, quoteLiteral } from '../postgres/quoting.js';
import { asFirstCommand, type KnownServer, updateTimescale } from '../timescale/update.js';
import type { Migration, Stage } from './migration.js';

/** The extensions, at the source's versions and in its schemas. */
export const extensions: Stage = async (migration, entered) => {
  const { plan, target, finishedBefore } = migration;
  // Once it stands in its version, what the target had before is of no matter.
  if (!finishedBefore.has('extensions')) await matchTimescale(migration);
  for (const creation of plan.extensions.create) await create(creation, migration);
  await entered;
  await target.renewSession();
};

async function matchTimescale(migration: Migration): Promise<void> {
  const { plan } = migration;
  const { timescale } = plan.extensions;
  if (timescale.action === 'drop') await dropTimescale(migration);
  if (timescale.action === 'update') {
    try {
      await updateTimescale('target', targetServer(migration), timescale.to);
    } catch (error) {
      if (!(error instanceof HyperferryError) || error.code !== 'STATEMENT') throw error;
      await dropTimescale(migration);
      const extension = plan.source.extensions.find(({ name }) => name === 'timescaledb');
      if (extension) await create(planCreation(extension, plan.target), migration);
    }
  }
}

/** The target holds nothing of the user's, so nothing is lost with the extension. */
async function dropTimescale(migration: Migration): Promise<void> {
  await asFirstCommand('target', targetServer(migration), 'DROP EXTENSION IF EXISTS timescaledb CASCADE');
}

async function create({ extension, version }: ExtensionCreation, migration: Migration): Promise<void> {
  const schema = quoteIdentifier(extension.schema);
  // The server's own schemas cannot be asked for, also not if they do not exist.
  if (!extension.schema.startsWith('pg_'))
    await migration.target.session.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
  await asFirstCommand(
    'target',
    targetServer(migration),
    `CREATE EXTENSION IF NOT EXISTS ${quoteIdentifier(extension.name)} WITH SCHEMA ${schema}${version === undefined ? '' : ` VERSION ${quoteLiteral(version)}`}`,
  );
}

function targetServer({ plan, target }: Pick<Migration, 'plan' | 'target'>): KnownServer {
  return { connection: target.connection, serverVersion: plan.target.server.version };
}
