import type { Session } from '../postgres/session.js';
import type { StageName } from './events.js';

const CREATE = `
CREATE SCHEMA _hyperferry;
CREATE TABLE _hyperferry.run (
  source text NOT NULL,
  started_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  stage text NOT NULL
);
REVOKE ALL ON SCHEMA _hyperferry FROM PUBLIC;`;

/** Notes in the target's schema `_hyperferry` that a run begins. */
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
