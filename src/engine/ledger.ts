import type { Session } from '../postgres/session.js';
import type { StageName } from './events.js';

const CREATE = `
CREATE SCHEMA _hyperferry;
CREATE TABLE _hyperferry.run (
  -- A publication of all tables takes updates only of tables with a key.
  id int PRIMARY KEY DEFAULT 1,
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

/** Removes what marks the run as unfinished, unseen by the event triggers that the database may have by now. */
export async function removeLedger(session: Session): Promise<void> {
  await session.query(WITHOUT_EVENT_TRIGGERS);
  await session.query('DROP SCHEMA IF EXISTS _hyperferry CASCADE');
}

/** PostgreSQL 17 has a setting for it. Before, a replica's session leaves out all but those that fire always. */
const WITHOUT_EVENT_TRIGGERS = `
SELECT pg_catalog.set_config(name, CASE name WHEN 'event_triggers' THEN 'off' ELSE 'replica' END, false)
FROM pg_catalog.pg_settings
WHERE name IN ('event_triggers', 'session_replication_role')
  AND (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)`;
