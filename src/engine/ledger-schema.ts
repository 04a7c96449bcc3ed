/**
 * The ledger of a run, on the target: what was asked for, what is to be done, and what stands. All that a run needs to
 * be gone on with, by the same process or another; and no password.
 *
 * Each table has a key, since a publication of all tables takes updates only of tables with one.
 */
export const CREATE_LEDGER = `
CREATE SCHEMA _hyperferry;
REVOKE ALL ON SCHEMA _hyperferry FROM PUBLIC;

CREATE TABLE _hyperferry.run (
  id int PRIMARY KEY DEFAULT 1 CHECK (id = 1),
  format int NOT NULL,
  source text NOT NULL,
  source_identity text NOT NULL,
  settings text NOT NULL,
  counters_epoch text NOT NULL,
  started_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  attempt int NOT NULL DEFAULT 1,
  attempt_started_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'stopped', 'done')),
  stage text NOT NULL,
  worker_settings text,
  error text,
  error_code text
);
COMMENT ON TABLE _hyperferry.run IS 'the migration that this database is the target of';

CREATE TABLE _hyperferry.stage (
  name text PRIMARY KEY,
  attempt int NOT NULL,
  started_at timestamptz NOT NULL,
  -- Of the last time that it was finished: before started_at while a later attempt is in it.
  finished_at timestamptz
);

CREATE TABLE _hyperferry.task (
  id int PRIMARY KEY,
  stage text NOT NULL,
  -- Tasks that must be done before, and are not; and those that wait for this one.
  waits int NOT NULL,
  followers int[] NOT NULL,
  weight float8 NOT NULL,
  bytes bigint NOT NULL,
  work text NOT NULL,
  worker text,
  finished_at timestamptz
);
-- Of the tasks that are ready, the heaviest first: whoever takes one looks at no other.
CREATE INDEX ON _hyperferry.task (stage, weight DESC, id) WHERE finished_at IS NULL AND waits = 0;
COMMENT ON TABLE _hyperferry.task IS 'the work of the attempt; the lock of a row is the claim of it';

CREATE TABLE _hyperferry.done (
  fingerprint text PRIMARY KEY,
  position bigserial,
  object text NOT NULL,
  undo text,
  relation text,
  kind text,
  rows bigint,
  bytes bigint,
  source_bytes bigint,
  worker text
);
COMMENT ON TABLE _hyperferry.done IS 'what stands on the target, written in the transaction that made it';

CREATE TABLE _hyperferry.left_out (
  object text NOT NULL,
  reason text NOT NULL,
  sql text,
  position bigserial PRIMARY KEY
);`;
