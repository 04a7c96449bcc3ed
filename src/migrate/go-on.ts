import { type DoneMark, readDone } from '../engine/done.js';
import { beginAttempt, type EarlierAttempt, endWorkers, readEarlierAttempt } from '../engine/ledger.js';
import type { LeftOut } from '../plan/left-out.js';
import type { Plan } from '../plan/plan.js';
import { HyperferryError } from '../postgres/error.js';
import type { Session } from '../postgres/session.js';
import type { Migration } from './migration.js';
import type { Snapshot } from './origin.js';
import { planFrom } from './plan-from.js';
import type { Prepared } from './prepare.js';
import type { Run } from './run.js';
import { askedSettings, readSettings, refuseOtherSettings } from './settings.js';
import { type Standing, standing } from './standing.js';
import { takeBackChanged } from './take-back.js';
import { readEmptied } from './unlogged-tables.js';

/** What an attempt begins with. */
export type Begun = Pick<Migration, 'plan' | 'attempt' | 'standing' | 'doneBefore' | 'finishedBefore'> & {
  readonly leftOutBefore: readonly LeftOut[];
};

/** Goes on with the run that the target's ledger tells of, as far as the source is still the same. */
export async function goOn(
  run: Run,
  preparation: Prepared,
  snapshot: Snapshot,
  session: Session,
): Promise<Begun> {
  const earlier = await readEarlierAttempt(session);
  refuseOtherSource(earlier, snapshot);
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

const ONLY_LATER_STAGES =
  'an earlier attempt has ended restore mode, so that this one does only what comes after: it copies and compares nothing, and what was written to the source since the snapshot of the earlier one stays behind';

/** From the end of restore mode on, the target is no copy in the making: nothing is taken back. */
async function keepWhatIsEqual(
  run: Run,
  { counters, readChangesNow }: Snapshot,
  session: Session,
  plan: Plan,
  earlier: EarlierAttempt,
  attempt: number,
): Promise<{ standing: Standing; doneBefore: readonly DoneMark[] }> {
  const done = await readDone(session);
  const fingerprints = (marks: readonly DoneMark[]) => new Set(marks.map(({ fingerprint }) => fingerprint));
  if (earlier.finished.has('restore mode ends')) {
    run.emit({ type: 'notice', message: ONLY_LATER_STAGES });
    return { standing: standing(fingerprints(done), counters), doneBefore: done };
  }
  const now = await readChangesNow(earlier.countersEpoch);
  const resumed = await takeBackChanged(session, plan, {
    done,
    standing: standing(fingerprints(done), now),
    lost: await readEmptied(session),
  });
  run.emit({ type: 'resumed', attempt, ...resumed });
  const doneBefore = await readDone(session);
  return { standing: standing(fingerprints(doneBefore), counters, now), doneBefore };
}

/** Rows in its catalog are of the version that wrote them. */
function refuseOtherTimescale(
  { finished }: EarlierAttempt,
  { inventory }: Snapshot,
  { target }: Prepared,
): void {
  const [wanted, there] = [inventory.timescale?.version, target.timescale?.version];
  if (!finished.has('extensions') || wanted === undefined || wanted === there) return;
  throw new HyperferryError(
    'SOURCE_REDEFINED',
    `the source runs TimescaleDB ${wanted} by now, and what stands on the target was made with ${there ?? 'none'}`,
    { isFinal: true },
  );
}

function refuseOtherSource({ source, sourceIdentity }: EarlierAttempt, { identity }: Snapshot): void {
  if (identity === sourceIdentity) return;
  throw new HyperferryError(
    'USAGE',
    `expected the source that the run was begun with, ${source}, but another database or another dump came`,
    { hint: 'Name the source of the first command, or start over with --clean-target.' },
  );
}
