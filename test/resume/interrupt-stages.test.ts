import pg from 'pg';
import { expect, test } from 'vitest';
import { STAGES, type StageName } from '../../src/engine/events.js';
import { expectEventually } from '../bad-input/processes.js';
import { makeReadings } from '../bad-input/readings.js';
import { jobsOf, sessionsOfHyperferry } from '../bad-input/state.js';
import { startHyperferry } from '../cli/command-line.js';
import { expectEqualDatabases } from '../integration/compare/databases.js';
import type { Databases } from '../integration/databases.js';
import { apachePair } from '../integration/servers.js';
import { query, queryValue } from '../integration/sql.js';
import { makeWorkForEachStage } from './each-stage.js';
import { closeGate, GATE } from './gate.js';
import { beginOf, stopAt } from './stopped.js';

/** What holds a run up as it begins a stage, until it is interrupted. It is a part of the ledger, and goes with it. */
const HOLD_UP = `
CREATE TABLE _hyperferry.held_up_at (stage text);
CREATE FUNCTION _hyperferry.hold_up() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN
    IF EXISTS (SELECT FROM _hyperferry.held_up_at WHERE stage = NEW.name) THEN PERFORM pg_sleep(60); END IF;
    RETURN NEW;
  END $$;
CREATE TRIGGER hold_up BEFORE INSERT ON _hyperferry.stage FOR EACH ROW EXECUTE FUNCTION _hyperferry.hold_up();`;

/** The ledger comes with the end of the snapshot. */
const WITHOUT_LEDGER: readonly StageName[] = ['connect', 'snapshot'];

test('a run that is interrupted at the beginning of each of its stages is whole in the end', {
  timeout: 300_000,
}, async () => {
  const databases = await makeWorkForEachStage('interrupt_begin');
  const jobs = await jobsOf(databases.source);
  for (const [index, stage] of STAGES.entries()) {
    const hasLedger = !WITHOUT_LEDGER.includes(stage);
    if (stage === 'roles') {
      await stopAt(databases, beginOf('roles'));
      await query(databases.target, HOLD_UP);
    }
    const stopHoldingUp = await holdUp(stage, databases);
    const signal = index % 3 === 2 ? 'SIGTERM' : 'SIGINT';
    await interruptAt(stage, databases, hasLedger ? ['--resume'] : [], signal);
    expect(await jobsOf(databases.source), `jobs of the source after ${stage}`).toEqual(jobs);
    await stopHoldingUp();
  }
  const { exitCode, stderr } = await start(databases, ['--resume']);
  expect(exitCode, stderr).toBe(0);
  expect(
    await queryValue(databases.target, `SELECT to_regnamespace('_hyperferry')`),
    'the ledger',
  ).toBeNull();
  await expectEqualDatabases(databases.source, databases.target, databases.programs);
  expect(await jobsOf(databases.source)).toEqual(jobs);
});

test('a run that is interrupted in a long command of the target leaves no session that goes on with it', async () => {
  const databases = await makeReadings(await apachePair(), 'interrupt_index', TABLE_WITH_INDEX);
  const gate = await closeGate(databases.target);
  const run = start(databases);
  await expectEventually(() => waitingFor(databases, '%COPY %', 'advisory'), '1', 'sessions at the gate', 60);
  // Conflicts with the lock that an index is made under, and not with that of a COPY.
  const release = await inOpenTransaction(databases.target, 'LOCK TABLE indexed IN ROW EXCLUSIVE MODE');
  await gate.open();
  const indexing = '%CREATE INDEX %';
  await expectEventually(
    () => waitingFor(databases, indexing, 'relation'),
    '1',
    'sessions that make the index',
  );
  await expectInterrupted(run, databases, 'SIGINT');
  await release();

  const { exitCode, stderr } = await start(databases, ['--resume']);
  expect(exitCode, stderr).toBe(0);
  await expectEqualDatabases(databases.source, databases.target, databases.programs);
});

const TABLE_WITH_INDEX = `
${GATE}
CREATE TABLE indexed (a int CHECK (passes_gate()));
INSERT INTO indexed VALUES (1);
CREATE INDEX ON indexed (a);`;

function waitingFor({ target }: Databases, command: string, lock: string): Promise<string | null> {
  return queryValue(
    target,
    `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'hyperferry'
       AND query LIKE '${command}' AND wait_event_type = 'Lock' AND wait_event = '${lock}'`,
  );
}

function start({ source, target, programs }: Databases, options: readonly string[] = []) {
  return startHyperferry(
    ['migrate', '--jobs', '2', '--pg-bin', programs, '--log-format', 'json', ...options],
    { SOURCE: source, TARGET: target },
  );
}

/**
 * Keeps a run in a stage, for as long as a test needs, by what it must wait for.
 * @returns a function that ends that
 */
async function holdUp(stage: StageName, { source, target }: Databases): Promise<() => Promise<void>> {
  switch (stage) {
    case 'connect':
      return inOpenTransaction(source, 'LOCK TABLE device IN ACCESS EXCLUSIVE MODE');
    case 'snapshot':
      return inOpenTransaction(target, 'CREATE SCHEMA _hyperferry');
    default:
      await query(target, `INSERT INTO _hyperferry.held_up_at VALUES ('${stage}')`);
      return async () => {
        await query(target, 'TRUNCATE _hyperferry.held_up_at');
      };
  }
}

async function inOpenTransaction(url: string, sql: string): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`BEGIN; ${sql}`);
  return () => client.end();
}

/** Starts a run, and interrupts it as soon as it says that a stage begins. */
async function interruptAt(
  stage: StageName,
  databases: Databases,
  options: readonly string[],
  signal: NodeJS.Signals,
): Promise<void> {
  const run = start(databases, options);
  await hears(run, `"type":"stage-started","stage":"${stage}"`);
  await expectInterrupted(run, databases, signal, stage);
}

/** Waits until a process has written a text to stderr; fails when it ends before. */
async function hears(run: ReturnType<typeof start>, text: string): Promise<void> {
  let written = '';
  const heard = new Promise<void>((resolve) => {
    run.stderr.on('data', (bytes: Buffer) => {
      written += bytes.toString();
      if (written.includes(text)) resolve();
    });
  });
  const ended = run.then(() => expect(written, 'what was written').toContain(text));
  await Promise.race([heard, ended]);
}

async function expectInterrupted(
  run: ReturnType<typeof start>,
  { source, target }: Databases,
  signal: NodeJS.Signals,
  stage: StageName = 'rows and indexes',
): Promise<void> {
  const begun = performance.now();
  run.kill(signal);
  const { exitCode, stdout, stderr } = await run;
  expect({ exitCode, stdout }, `${signal} in ${stage}\n${stderr}`).toEqual({ exitCode: 130, stdout: '' });
  expect(performance.now() - begun, 'milliseconds until it ended').toBeLessThan(10_000);
  const failed = stderr.split('\n').find((line) => line.includes('"type":"failed"')) ?? '{}';
  const { code, hint = '' } = JSON.parse(failed) as { code?: string; hint?: string };
  expect(code, stderr).toBe('INTERRUPTED');
  expect(hint.includes('--resume'), `whether the hint says how to go on: ${hint}`).toBe(
    !WITHOUT_LEDGER.includes(stage),
  );
  for (const url of [source, target]) {
    await expectEventually(() => sessionsOfHyperferry(url), [], `sessions that are left after ${stage}`, 5);
  }
}
