import type { Session } from '../postgres/session.js';
import type { StageName } from './events.js';

/** What a target says about a run that did not end. */
export interface UnfinishedRun {
  readonly source: string;
  readonly startedAt: string;
  readonly stage: string;
}

/** The schema on the target that holds the state of a run. It is the user's only while a run is under way. */
export const LEDGER_SCHEMA = '_hyperferry';

const CREATE = `
CREATE SCHEMA _hyperferry;
CREATE TABLE _hyperferry.run (
  source text NOT NULL,
  started_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  stage text NOT NULL
);
REVOKE ALL ON SCHEMA _hyperferry FROM PUBLIC;`;

/** Notes on the target that a run begins there. */
export async function openLedger(session: Session, source: string, stage: StageName): Promise<void> {
  await session.transaction(async () => {
    await session.query(CREATE);
    await session.query('INSERT INTO _hyperferry.run (source, stage) VALUES ($1, $2)', [source, stage]);
  });
}

export async function enterStage(session: Session, stage: StageName): Promise<void> {
  await session.query('UPDATE _hyperferry.run SET stage = $1', [stage]);
}

export async function removeLedger(session: Session): Promise<void> {
  await session.query('DROP SCHEMA IF EXISTS _hyperferry CASCADE');
}

/** The run that a target still holds, if any. */
export async function readUnfinishedRun(session: Session): Promise<UnfinishedRun | undefined> {
  const { exists } = await session.one<{ exists: boolean }>(
    `SELECT pg_catalog.to_regclass('_hyperferry.run') IS NOT NULL AS exists`,
  );
  if (!exists) return undefined;
  const [run] = await session.query<UnfinishedRun & Record<string, unknown>>(
    'SELECT source, started_at::text AS "startedAt", stage FROM _hyperferry.run',
  );
  return run;
}
