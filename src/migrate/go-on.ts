import { setTimeout as sleep } from 'node:timers/promises';
import { type DoneMark, readDone } from '../engine/done.js';
import { beginAttempt, type EarlierAttempt, endWorkers, readEarlierAttempt } from '../engine/ledger.js';
import { COUNTERS_LAG_SECONDS, mayLag, readChangeCounters } from '../inventory/changes.js';
import { readDatabaseIdentity } from '../inventory/server.js';
import type { LeftOut } from '../plan/left-out.js';
import type { Plan } from '../plan/plan.js';
import { HyperferryError } from '../postgres/error.js';
import type { Session } from '../postgres/session.js';
import type { Migration } from './migration.js';
import type { Preparation } from './prepare.js';
import type { Run } from './run.js';
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
  const plan = await planFrom(run, snapshot, settings);
  run.state.target = 'half done';
  run.state.hasLedger = true;
  run.state.isRestoring = earlier.finished.has('restore mode') && !earlier.finished.has('restore mode ends');
  await endWorkers(session);
  const attempt = await beginAttempt(session, snapshot.counters.epoch);
  const doneBefore = await keepWhatIsEqual(run, preparation, snapshot, session, plan, earlier, attempt);
  return {
    plan,
    attempt,
    ...doneBefore,
    finishedBefore: earlier.finished,
    leftOutBefore: earlier.leftOut,
  };
}

/** From the end of restore mode on, the target is no copy in the making: nothing is taken back. */
async function keepWhatIsEqual(
  { emit, signal }: Run,
  { sourceSession }: Preparation,
  { counters }: Snapshot,
  session: Session,
  plan: Plan,
  earlier: EarlierAttempt,
  attempt: number,
): Promise<{ standing: Standing; doneBefore: readonly DoneMark[] }> {
  if (await mayLag(sourceSession)) {
    emit({ type: 'notice', message: 'waiting until the source has counted what was written to it last' });
    await sleep(COUNTERS_LAG_SECONDS * 1000, undefined, { signal });
  }
  const now = await readChangeCounters(sourceSession);
  if (now.epoch !== earlier.countersEpoch) {
    emit({
      type: 'notice',
      message:
        'the source does not know any more which relations have changed (its counters were reset, by a crash or by somebody, or track_counts is off): all are copied again',
    });
  }
  const done = await readDone(session);
  const fingerprints = (marks: readonly DoneMark[]) => new Set(marks.map(({ fingerprint }) => fingerprint));
  if (earlier.finished.has('restore mode ends')) {
    return { standing: standing(fingerprints(done), counters, now), doneBefore: done };
  }
  const resumed = await takeBackChanged(session, plan, {
    done,
    standing: standing(fingerprints(done), now),
    leftOut: new Set(earlier.leftOut.map(({ object }) => object)),
    lost: await readEmptied(session),
  });
  emit({ type: 'resumed', attempt, ...resumed });
  const doneBefore = await readDone(session);
  return { standing: standing(fingerprints(doneBefore), counters, now), doneBefore };
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
