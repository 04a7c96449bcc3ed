import { readContent } from '../inventory/content.js';
import { commandOf, LEDGER_FORMAT, type RecordedRun, readRecordedRun } from '../inventory/recorded-run.js';
import type { Session } from '../postgres/session.js';
import { isInRestoreMode } from '../timescale/timescale.js';
import { type Check, type Finding, nameSome, type RestoreChecked } from './finding.js';

/** Rows and definitions can only be proven equal where nothing else stands. */
export const targetContent: Check<Pick<RestoreChecked, 'target' | 'options'>> = async ({
  target,
  options,
}) => {
  const earlier = await earlierRun(target, options);
  if (earlier) return earlier;
  if (options.cleanTarget) return [];
  const objects = (await readContent(target.session))
    .filter(({ name }) => name !== '_hyperferry')
    .map(({ kind, name }) => `${kind} ${name}`);
  if (objects.length > 0) {
    return [
      {
        id: 'target-not-empty',
        severity: 'blocker',
        code: 'TARGET_NOT_EMPTY',
        found: `expected an empty target database, but ${target.inventory.server.database} holds ${nameSome(objects)}`,
        objects,
        why: 'Rows and definitions can only be proven equal where nothing else stands.',
        mend: 'Name an empty database as --target, or drop what is in it with --clean-target.',
      },
    ];
  }
  return restoreMode(target.session);
};

/** @returns what an earlier run on the target means for this one; undefined where it is one of its own */
export async function earlierRun(
  target: RestoreChecked['target'],
  options: RestoreChecked['options'],
): Promise<Finding[] | undefined> {
  const run = await readRecordedRun(target.session);
  if (run?.isUnderWay) return [busy(run)];
  if (options.resume) return run && isResumable(run) ? [] : [nothingToResume(run)];
  return run && run.state !== 'done' && !options.cleanTarget ? [halfDone(run)] : undefined;
}

/** A restore that somebody else has under way. */
export async function restoreMode(session: Session): Promise<Finding[]> {
  if (!(await isInRestoreMode(session))) return [];
  return [
    {
      id: 'target-restoring',
      severity: 'blocker',
      code: 'TARGET_NOT_EMPTY',
      found: 'expected a target in its usual mode, but the database is in restore mode',
      objects: [],
      why: 'Somebody else restores into it, or has left it so.',
      mend: 'SELECT timescaledb_post_restore(); on the target, when no restore is under way.',
    },
  ];
}

function busy(run: RecordedRun): Finding {
  const { source, startedAt, stage } = run;
  const what = commandOf(run) === 'restore' ? 'restore' : 'migration';
  return {
    id: 'target-busy',
    severity: 'blocker',
    code: 'TARGET_BUSY',
    found: `a ${what} into this target is under way: from ${source}, begun ${startedAt}, now in the stage “${stage}”`,
    objects: [],
    why: 'Two runs would write the same rows.',
    mend: 'See how far it is: hyperferry status --target …\nHelp it: hyperferry worker --target …',
  };
}

function isResumable({ state, format }: RecordedRun): boolean {
  return state !== 'done' && format === LEDGER_FORMAT;
}

function halfDone(run: RecordedRun): Finding {
  const command = `hyperferry ${commandOf(run)}`;
  const goOn = `Go on where it stopped: ${command} --resume …, with the flags of the first command`;
  return {
    id: 'target-half-done',
    severity: 'blocker',
    code: 'TARGET_NOT_EMPTY',
    found: `the target holds a run that did not finish: ${describeRun(run)}`,
    objects: [],
    why: 'What it holds is neither empty nor whole.',
    mend: [
      ...(isResumable(run) ? [goOn] : []),
      `Start over, which drops what is in the target database: ${command} --clean-target …`,
    ].join('\n'),
  };
}

function nothingToResume(run: RecordedRun | undefined): Finding {
  return {
    id: 'nothing-to-resume',
    severity: 'blocker',
    code: 'NOTHING_TO_RESUME',
    found: `expected a run that did not finish on the target, but ${reasonNotToResume(run)}`,
    objects: [],
    why: 'Only what a run has noted in the schema _hyperferry can be gone on with.',
    mend: [
      mendWithoutRun(run),
      'Start over, which drops all that is in the target database: the same command with --clean-target in place of --resume.',
    ].join('\n'),
  };
}

function reasonNotToResume(run: RecordedRun | undefined): string {
  if (!run) return 'there is none (one that is complete has removed its ledger)';
  if (run.state === 'done') return `the one that it holds is complete: ${describeRun(run)}`;
  return `another version of Hyperferry made the one that it holds (format ${run.format}, expected ${LEDGER_FORMAT}): ${describeRun(run)}`;
}

/** A target that is whole must not be dropped for a flag too much. */
function mendWithoutRun(run: RecordedRun | undefined): string {
  const compare = 'Compare both sides: hyperferry verify --source … --target …';
  if (!run) return `Where the target is empty, begin: the same command without --resume.\nElse: ${compare}`;
  if (run.state === 'done') return `It needs nothing more. ${compare}`;
  return 'Go on with the Hyperferry that began it.';
}

function describeRun({ source, startedAt, stage }: RecordedRun): string {
  return `from ${source}, begun ${startedAt}, ended in the stage “${stage}”`;
}
