import { setTimeout as sleep } from 'node:timers/promises';
import { type DoneMark, readDone } from '../engine/done.js';
import { beginAttempt, type EarlierAttempt, endWorkers, readEarlierAttempt } from '../engine/ledger.js';
import {
  type ChangeCounters,
  COUNTERS_LAG_SECONDS,
  mayLag,
  readChangeCounters,
  readCommittingSessions,
  unknownChanges,
} from '../inventory/changes.js';
import { readDatabaseIdentity } from '../inventory/server.js';
import type { LeftOut } from '../plan/left-out.js';
import type { Plan } from '../plan/plan.js';
import { HyperferryError } from '../postgres/error.js';
import type { Session } from '../postgres/session.js';
import type { Migration } from './migration.js';
import type { Preparation } from './prepare.js';
import { closeSession, openSession, type Run } from './run.js';
import { askedSettings, readSettings, refuseOtherSettings } from './settings.js';
import { planFrom, type Snapshot } from './snapshot.js';
import { type Standing, standing } from './standing.js';
import { readEmptied, takeBackChanged } from './take-back.js';

/** What an attempt begins with. */
export type Begun = Pick<Migration, 'plan' | 'attempt' | 'standing' | 'doneBefore' | 'finishedBefore'> & {
  readonly leftOutBefore: readonly LeftOut[];
};

/** Goes on with the run that the target's ledger tells of, as far as the source is still the same. */
export async function goOn(
  run: Run,
  preparation: Preparation,
  snapshot: Snapshot,
  session: Session,
): Promise<Begun> {
  const earlier = await readEarlierAttempt(session);
  await refuseOtherSource(earlier, snapshot.session);
  const settings = readSettings(earlier.settings);
  refuseOtherSettings(settings, askedSettings(run.options), preparation.target.server.role);
  refuseOtherTimescale(earlier, snapshot, preparation);
  const plan = await planFrom(run, snapshot, settings);
  await endWorkers(session);
  const attempt = await beginAttempt(session, snapshot.counters.epoch);
  run.state.attempt = attempt;
  const doneBefore = await keepWhatIsEqual(run, snapshot, session, plan, earlier, attempt);
  return {
    plan,
    attempt,
    ...doneBefore,
    finishedBefore: earlier.finished,
    // What an earlier attempt could not make, this one tries again, unless its stages are over.
    leftOutBefore: earlier.finished.has('restore mode ends') ? earlier.leftOut : [],
  };
}

/** From the end of restore mode on, the target is no copy in the making: nothing is taken back. */
async function keepWhatIsEqual(
  run: Run,
  { counters }: Snapshot,
  session: Session,
  plan: Plan,
  earlier: EarlierAttempt,
  attempt: number,
): Promise<{ standing: Standing; doneBefore: readonly DoneMark[] }> {
  const now = await readChangesNow(run, earlier.countersEpoch);
  const done = await readDone(session);
  const fingerprints = (marks: readonly DoneMark[]) => new Set(marks.map(({ fingerprint }) => fingerprint));
  if (earlier.finished.has('restore mode ends')) {
    return { standing: standing(fingerprints(done), counters, now), doneBefore: done };
  }
  const resumed = await takeBackChanged(session, plan, {
    done,
    standing: standing(fingerprints(done), now),
    lost: await readEmptied(session),
  });
  run.emit({ type: 'resumed', attempt, ...resumed });
  const doneBefore = await readDone(session);
  return { standing: standing(fingerprints(doneBefore), counters, now), doneBefore };
}

/** The counters after the snapshot; where they do not tell, all are copied again, and a notice says why. */
async function readChangesNow(run: Run, earlierEpoch: string): Promise<ChangeCounters> {
  const notice = (message: string): void => run.emit({ type: 'notice', message });
  // Not the session of the snapshot: a transaction sees the counters as it saw them first.
  const session = await openSession(run, 'source');
  try {
    if (await mayLag(session)) {
      notice('waiting until the source has counted what was written to it last');
      await sleep(COUNTERS_LAG_SECONDS * 1000, undefined, { signal: run.signal });
    }
    const committing = await readCommittingSessions(session);
    if (committing.length > 0) {
      notice(
        `all relations are copied again: on the source, sessions run commands that may have committed rows which are counted when they end (pid ${committing.join(', ')})`,
      );
      return unknownChanges();
    }
    const now = await readChangeCounters(session);
    if (now.epoch !== earlierEpoch) {
      notice(
        'all relations are copied again: the source does not know any more which have changed (its counters were reset, by a crash or by somebody, or track_counts is off)',
      );
    }
    return now;
  } finally {
    await closeSession(run, session);
  }
}

/** Rows in its catalog are of the version that wrote them. */
function refuseOtherTimescale(
  { finished }: EarlierAttempt,
  { inventory }: Snapshot,
  { target }: Preparation,
): void {
  const [wanted, there] = [inventory.timescale?.version, target.timescale?.version];
  if (!finished.has('extensions') || wanted === undefined || wanted === there) return;
  throw new HyperferryError(
    'SOURCE_REDEFINED',
    `the source runs TimescaleDB ${wanted} by now, and what stands on the target was made with ${there ?? 'none'}`,
    { isFinal: true },
  );
}

async function refuseOtherSource(
  { source, sourceIdentity }: EarlierAttempt,
  session: Session,
): Promise<void> {
  if ((await readDatabaseIdentity(session)) === sourceIdentity) return;
  throw new HyperferryError(
    'USAGE',
    `expected the source that the run was begun with, ${source}, but --source is another database`,
    { hint: 'Name the source of the first command, or start over with --clean-target.' },
  );
}
