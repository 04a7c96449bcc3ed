import { makeOnce } from './make-once.js';
import type { Stage } from './migration.js';
import { resetPublicSchema } from './public-schema.js';
import { excuseMissingRights, runStatements } from './run-statements.js';

/** Without these there is no place for rows, so that a missing right to make one stops the run. */
const HOLDING_ROWS = ['TABLE', 'SEQUENCE', 'TYPE', 'DOMAIN', 'TABLE ATTACH', 'DEFAULT'];

/**
 * All that stands before the rows: types, functions, tables, views, and the indexes that need an empty table. The tables
 * of plain chunks come with their rows.
 */
export const schema: Stage = async (migration) => {
  const { plan, source, target, leaveOut } = migration;
  if (!plan.source.schemas.includes('public') && plan.target.schemas.includes('public')) {
    await runStatements(
      target.session,
      [{ sql: 'DROP SCHEMA IF EXISTS public', object: 'removal of schema public' }],
      { excuse: ({ object }, error) => ({ object, reason: error.message }), leaveOut },
    );
  }
  await resetPublicSchema(migration);
  const entries = [...plan.schema.before, ...plan.schema.early];
  await makeOnce(target.session, entries, migration, (statement, error) =>
    HOLDING_ROWS.some((kind) => statement.object.startsWith(`${kind} `))
      ? undefined
      : excuseMissingRights(statement, error),
  );
  // Read meanwhile, and over before rows are: whoever prints a definition locks its relations.
  if ('definitions' in source.snapshot.compared) await source.snapshot.compared.definitions;
};
