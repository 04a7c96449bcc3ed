import { DUMP_CHECKS, runChecks } from '../check/check.js';
import type { Emit } from '../engine/events.js';
import { tellStage } from '../engine/tell-stage.js';
import { readInventory } from '../inventory/inventory.js';
import type { JobHold } from '../migrate/job-hold.js';
import { defaultJobs, lookForPgDump, noteWarnings, refuseBlockers } from '../migrate/preflight.js';
import { openSession } from '../migrate/run.js';
import { takeServerSnapshot } from '../migrate/server-snapshot.js';
import { tellingBlockers } from '../migrate/tell-blockers.js';
import type { Compression } from '../postgres/archive/archive-header.js';
import { expectCompressionProgram } from '../postgres/archive/compression-program.js';
import type { Connection } from '../postgres/connection-string.js';
import { HyperferryError } from '../postgres/error.js';
import type { Session } from '../postgres/session.js';
import type { DumpOptions } from './dump-options.js';
import { expectPgRestore } from './plain-dump.js';

/** One call of `dump`. */
export interface DumpRun {
  readonly options: DumpOptions;
  readonly compression: Compression;
  readonly connection: Connection;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  readonly sessions: Map<Session, () => Promise<void>>;
}

/** A session on the source, and the snapshot that all is dumped from. */
export type BegunDump = Awaited<ReturnType<typeof beginDump>>;

/**
 * Connects, checks the source, and takes the snapshot.
 * @throws HyperferryError
 */
export function beginDump(run: DumpRun, hold: JobHold) {
  const { connection, emit } = run;
  const sessions = () => run.sessions.keys();
  return tellingBlockers({ emit, sessions }, async () => {
    const seen = await tellStage(run, 'connect', () => connect(run));
    return tellStage(run, 'snapshot', async () => ({
      ...seen,
      snapshot: await takeServerSnapshot(run, { ...seen, connection, jobs: hold }),
      takenAt: new Date(),
    }));
  });
}

async function connect(run: DumpRun) {
  const { options, connection, emit, compression } = run;
  const { algorithm } = compression;
  if (algorithm === 'lz4' || algorithm === 'zstd') await expectCompressionProgram(algorithm);
  const session = await openSession(run, 'source', connection);
  const seen = await readInventory(session);
  const pgDump = await lookForPgDump(options.programs, seen, seen);
  const jobs = options.jobs ?? defaultJobs(seen);
  const findings = await runChecks(DUMP_CHECKS, {
    source: { inventory: seen, connection, session },
    pgDump,
    options: { jobs, rolePasswords: options.rolePasswords ?? false },
    into: { out: options.out, format: options.format ?? 'archive', compression },
  });
  refuseBlockers(findings, options.skipChecks ?? []);
  noteWarnings(findings, emit);
  if (pgDump instanceof HyperferryError) throw pgDump;
  if (options.format === 'plain') await expectPgRestore(pgDump);
  // The rest is read again as of the snapshot.
  const { server, timescale } = seen;
  return { session, server, timescale, pgDump, jobs };
}
