import { takeTarget } from '../engine/ledger.js';
import { possibleTimescaleVersions } from '../inventory/inventory.js';
import type { ClientProgram } from '../postgres/client-programs.js';
import { HyperferryError } from '../postgres/error.js';
import type { Session } from '../postgres/session.js';
import { isInRestoreMode } from '../timescale/timescale.js';
import { commonUpdate, updateTimescale } from '../timescale/update.js';
import { type Cleared, examine, refuseBlockers } from './preflight.js';
import { allOver, openSession, type Run } from './run.js';
import { refuseProcesses } from './worker-processes.js';

/** Both sides, connected and checked. */
export interface Preparation extends Cleared {
  readonly sourceSession: Session;
  readonly targetSession: Session;
  readonly pgDump: ClientProgram;
}

/** Opens both sides, runs the checks, and takes the target. */
export async function connect(run: Run): Promise<Preparation> {
  const { source, target } = run.connections;
  let [sourceSession, targetSession] = await allOver([
    openSession(run, 'source'),
    openSession(run, 'target'),
  ]);
  const examineBoth = () =>
    examine(
      { session: sourceSession, connection: source },
      { session: targetSession, connection: target },
      { ...run.options, resume: run.isResumed },
    );
  let cleared = await examineBoth();
  refuseBlockers(cleared.findings, run.options.skipChecks ?? []);
  if (await updateSource(run, cleared, sourceSession)) {
    sourceSession = await openSession(run, 'source');
    cleared = await examineBoth();
    refuseBlockers(cleared.findings, run.options.skipChecks ?? []);
  }
  for (const { severity, id, found } of cleared.findings) {
    // Once is enough, however many attempts follow.
    if (severity === 'warning' && run.state.attempt === 0)
      run.emit({ type: 'notice', message: `${found} (${id})` });
  }
  refuseProcesses(run.options.processes, cleared.jobs);
  const { pgDump } = cleared;
  if (pgDump instanceof HyperferryError) throw pgDump;
  await takeTarget(targetSession);
  if (run.isResumed) {
    run.state.target = 'half done';
    run.state.hasLedger = true;
    run.state.isRestoring = await isInRestoreMode(targetSession);
  }
  return { ...cleared, sourceSession, targetSession, pgDump };
}

/** Updates the source's TimescaleDB where that was asked for and is needed. @returns whether it did */
async function updateSource(
  { options, connections, emit, state }: Run,
  cleared: Cleared,
  session: Session,
): Promise<boolean> {
  const version = cleared.source.timescale?.version;
  const available = possibleTimescaleVersions(cleared.target);
  if (!options.updateSource || !version || available.includes(version)) return false;
  const to = await commonUpdate(session, version, available);
  if (!to) return false;
  await updateTimescale('source', connections.source, to);
  state.updatedSourceTo = to;
  emit({ type: 'notice', message: `updated TimescaleDB on the source from ${version} to ${to}` });
  return true;
}
