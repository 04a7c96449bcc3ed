import { setTimeout as sleep } from 'node:timers/promises';
import {
  type ChangeCounters,
  COUNTERS_LAG_SECONDS,
  mayLag,
  readBusySessions,
  readChangeCounters,
  unknownChanges,
} from '../inventory/changes.js';
import { possibleTimescaleVersions } from '../inventory/inventory.js';
import { readRolePasswords } from '../inventory/roles.js';
import { readSequenceValues } from '../inventory/sequences.js';
import type { Server } from '../inventory/server.js';
import {
  type Connection,
  describeConnection,
  parseConnection,
  publicConnectionString,
} from '../postgres/connection-string.js';
import { HyperferryError } from '../postgres/error.js';
import { Session } from '../postgres/session.js';
import { commonUpdate, updateTimescale } from '../timescale/update.js';
import { readDefinitionSums } from '../verify/noted-definitions.js';
import { relayedConfiguration } from './configuration-rows.js';
import { JobHold } from './job-hold.js';
import type { MigrateOptions } from './options.js';
import type { ClearedOrigin, Origin, Snapshot } from './origin.js';
import { type Cleared, examine, noteWarnings, refuseBlockers } from './preflight.js';
import { allOver, closeSession, openSession, type Run } from './run.js';
import { takeServerSnapshot } from './server-snapshot.js';

/** A database on a server, copied while it is there. */
export function serverOrigin(options: MigrateOptions): Origin {
  const connection = parseConnection(options.source);
  const jobs = new JobHold(connection, options.jobWait);
  const source = { options, connection, jobs };
  return {
    name: describeConnection(connection),
    url: options.source,
    clear: (run, target) => clear(source, run, target),
    release: () => jobs.release(),
  };
}

interface ServerSource {
  readonly options: MigrateOptions;
  readonly connection: Connection;
  readonly jobs: JobHold;
}

async function clear(source: ServerSource, run: Run, opening: Promise<Session>): Promise<ClearedOrigin> {
  const { options, connection } = source;
  let [session, target] = await allOver([openSession(run, 'source', connection), opening]);
  const examineBoth = () =>
    examine(
      { session, connection },
      { session: target, connection: run.target },
      { ...options, resume: run.isResumed },
    );
  let cleared = await examineBoth();
  refuseBlockers(cleared.findings, options.skipChecks ?? []);
  if (await updateSource(source, run, cleared, session)) {
    session = await openSession(run, 'source', connection);
    cleared = await examineBoth();
    refuseBlockers(cleared.findings, options.skipChecks ?? []);
  }
  if (run.state.attempt === 0) noteWarnings(cleared.findings, run.emit);
  const { pgDump, target: inventory, jobs } = cleared;
  // The rest is read again as of the snapshot.
  const { server, timescale } = cleared.source;
  if (pgDump instanceof HyperferryError) throw pgDump;
  return {
    target: inventory,
    jobs,
    takeSnapshot: async () => {
      const seen = { session, connection, pgDump, jobs: source.jobs, server, timescale };
      const snapshot = await takeServerSnapshot(run, seen);
      return asSnapshot(source, run, snapshot, inventory.server);
    },
  };
}

function asSnapshot(
  { connection, options }: ServerSource,
  run: Run,
  { session, id, ...snapshot }: Awaited<ReturnType<typeof takeServerSnapshot>>,
  target: Server,
): Snapshot {
  const { inventory } = snapshot;
  const compared = {
    name: describeConnection(connection),
    open: () => Session.open('source', connection),
    snapshot: id,
    inventory,
  };
  const isCompared = options.verify !== 'none';
  const definitions = isCompared
    ? readDefinitionSums({ side: 'source', ...compared }, target.version, run.signal)
    : undefined;
  // Whoever waits for it gets the error.
  definitions?.catch(() => {});
  return {
    ...snapshot,
    readChangesNow: (earlierEpoch) => readChangesNow(run, connection, earlierEpoch),
    readRolePasswords: () => readRolePasswords(session),
    readSequenceValues: (names) => readSequenceValues(session, names),
    openConfiguration: async (target) => relayedConfiguration(session, target),
    compared: { ...compared, definitions },
    leftOut: [],
    rows: {
      kind: 'server',
      connection: publicConnectionString(connection),
      snapshot: id,
      storesNullAsUnreadableValue: inventory.timescale?.storesNullAsUnreadableValue ?? false,
    },
  };
}

/** Updates the source's TimescaleDB where that was asked for and is needed. @returns whether it did */
async function updateSource(
  { options, connection }: ServerSource,
  { emit, state }: Run,
  cleared: Cleared,
  session: Session,
): Promise<boolean> {
  const version = cleared.source.timescale?.version;
  const available = possibleTimescaleVersions(cleared.target);
  if (!options.updateSource || !version || available.includes(version)) return false;
  const to = await commonUpdate(session, version, available);
  if (!to) return false;
  await updateTimescale('source', { connection, serverVersion: cleared.source.server.version }, to);
  state.updatedSourceTo = to;
  emit({ type: 'notice', message: `updated TimescaleDB on the source from ${version} to ${to}` });
  return true;
}

/** The counters after the snapshot; where they do not tell, all are copied again, and a notice says why. */
async function readChangesNow(
  run: Run,
  connection: Connection,
  earlierEpoch: string,
): Promise<ChangeCounters> {
  const notice = (message: string): void => run.emit({ type: 'notice', message });
  // Not the session of the snapshot: a transaction sees the counters as it saw them first.
  const session = await openSession(run, 'source', connection);
  try {
    const ours = [...run.sessions.keys()].map(({ announcedProcessId }) => announcedProcessId);
    if (await mayLag(session, ours)) {
      notice('waiting until the source has counted what was written to it last');
      await sleep(COUNTERS_LAG_SECONDS * 1000, undefined, { signal: run.signal });
      const busy = await sessionsNeverIdle(run, session, ours);
      if (busy.length > 0) {
        notice(
          `all relations are copied again: sessions on the source are in a transaction or a command for long and may have committed rows before, which are counted only when they are idle (pid ${busy.join(', ')}); have them end before another attempt`,
        );
        return unknownChanges();
      }
    }
    const now = await readChangeCounters(session);
    if (now.epoch !== earlierEpoch) {
      notice(
        'all relations are copied again: the source does not know any more which have changed (its counters were reset, by a crash or by somebody, or track_counts is off, or it is a standby, which counts nothing)',
      );
    }
    return now;
  } finally {
    await closeSession(run, session);
  }
}

/** One that is idle at any look, between two short transactions, has its rows counted. */
async function sessionsNeverIdle(
  { signal }: Run,
  session: Session,
  ours: readonly number[],
): Promise<number[]> {
  let never = await readBusySessions(session, ours);
  for (let look = 1; look < LOOKS && never.length > 0; look++) {
    await sleep(MILLISECONDS_BETWEEN_LOOKS, undefined, { signal });
    const busy = new Set(await readBusySessions(session, ours));
    never = never.filter((pid) => busy.has(pid));
  }
  return never;
}

const LOOKS = 10;
const MILLISECONDS_BETWEEN_LOOKS = 300;
