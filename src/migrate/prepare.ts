import { possibleTimescaleVersions, readInventory } from '../inventory/inventory.js';
import { readRolePasswords } from '../inventory/roles.js';
import type { LeftOut } from '../plan/left-out.js';
import { makePlan } from '../plan/plan.js';
import { readArchiveToc } from '../postgres/archive-toc.js';
import { type ClientProgram, runClientProgram } from '../postgres/client-programs.js';
import { HyperferryError } from '../postgres/error.js';
import type { Session } from '../postgres/session.js';
import { exportSnapshot } from '../postgres/snapshot.js';
import { holdJobs } from '../timescale/jobs.js';
import { commonUpdate, updateTimescale } from '../timescale/update.js';
import { cleanTarget } from './clean-target.js';
import type { Migration } from './migration.js';
import { type Cleared, examine, refuseBlockers } from './preflight.js';
import { endOnAbort, openSession, type Run } from './run.js';

/** Both sides, connected and checked. */
export interface Preparation extends Cleared {
  readonly sourceSession: Session;
  readonly targetSession: Session;
  readonly pgDump: ClientProgram;
}

/** Opens both sides, and runs the checks. */
export async function connect(run: Run): Promise<Preparation> {
  const { source, target } = run.connections;
  let sourceSession = await openSession(run, 'source');
  let spareSource = endOnAbort(run, sourceSession);
  const targetSession = await openSession(run, 'target');
  endOnAbort(run, targetSession);
  const examineBoth = () =>
    examine(
      { session: sourceSession, connection: source },
      { session: targetSession, connection: target },
      run.options,
    );
  let cleared = await examineBoth();
  refuseBlockers(cleared.findings, run.options.skipChecks ?? []);
  if (await updateSource(run, cleared, sourceSession)) {
    spareSource();
    sourceSession = await openSession(run, 'source');
    spareSource = endOnAbort(run, sourceSession);
    cleared = await examineBoth();
    refuseBlockers(cleared.findings, run.options.skipChecks ?? []);
  }
  for (const { severity, id, found } of cleared.findings) {
    if (severity === 'warning') run.emit({ type: 'notice', message: `${found} (${id})` });
  }
  const { pgDump } = cleared;
  if (pgDump instanceof HyperferryError) throw pgDump;
  // From here on it is the session that puts the source's jobs back, whatever happens.
  spareSource();
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

/** Holds off the source's jobs, exports a snapshot, reads the source again as of it, and makes the plan. */
export async function takeSnapshot(run: Run, preparation: Preparation): Promise<Migration> {
  const { options, connections, signal, emit } = run;
  const { timescale } = preparation.source;
  if (timescale) {
    const held = await holdJobs(preparation.sourceSession, timescale, {
      waitSeconds: options.jobWait ?? 600,
      onWait: (jobs) =>
        emit({
          type: 'notice',
          message: `waiting for the source's background jobs to end: ${jobs.join(', ')}`,
        }),
      signal,
    });
    run.closing.push(async () => {
      for (const failure of await held.release()) {
        emit({ type: 'notice', message: `a background job of the source was not put back: ${failure}` });
      }
    });
    if (held.notHeld.length > 0) {
      emit({
        type: 'notice',
        message: `these background jobs could not be held off and may run during the copy: ${held.notHeld.join(', ')}`,
      });
    }
  }
  const session = await openSession(run, 'source');
  endOnAbort(run, session);
  const snapshot = await exportSnapshot(session);
  const source = await readInventory(session);
  const archive = await runClientProgram(
    preparation.pgDump,
    [
      ...['--format=custom', '--schema-only', '--compress=0', '--encoding=UTF8', '--no-password'],
      ...[`--snapshot=${snapshot}`, '--exclude-schema=_hyperferry'],
    ],
    connections.source,
    signal,
  );
  const targetSide = openTargetSide(run, preparation.targetSession);
  if (options.cleanTarget) {
    run.state.target = 'half done';
    await cleanTarget(connections.target);
    await targetSide.renewSession();
  }
  const target = options.cleanTarget ? await readInventory(targetSide.session) : preparation.target;
  const plan = makePlan(source, target, readArchiveToc(archive), {
    owners: options.owners ?? true,
    roleMap: options.roleMap ?? {},
    verify: options.verify ?? 'checksums',
    privileges: options.privileges ?? true,
    rolePasswords: options.rolePasswords ? await readRolePasswords(session) : new Map(),
  });
  const leftOut = new Map<string, LeftOut>();
  const leaveOut = (item: LeftOut): void => {
    leftOut.set(item.object, item);
    emit({ type: 'left-out', ...item });
  };
  for (const item of plan.leftOut) leaveOut(item);
  return {
    plan,
    source: { connection: connections.source, session, snapshot },
    target: targetSide,
    jobs: preparation.jobs,
    signal,
    emit,
    leaveOut,
    get leftOut() {
      return [...leftOut.values()];
    },
    sequenceValues: [],
    verification: undefined,
    isLeftOut: (object) => leftOut.has(object),
  };
}

function openTargetSide(run: Run, first: Session): Migration['target'] {
  let session = first;
  return {
    connection: run.connections.target,
    get session() {
      return session;
    },
    renewSession: async () => {
      await session.close();
      session = await openSession(run, 'target');
      endOnAbort(run, session);
    },
  };
}
