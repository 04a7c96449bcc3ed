import type { Check } from './finding.js';

const NAMES_SHOWN = 10;

/** Rows and definitions can only be proven equal where nothing else stands. */
export const targetContent: Check = ({ content, unfinishedRun, targetIsRestoring, cleanTarget, target }) => {
  if (cleanTarget) return [];
  if (unfinishedRun) {
    return [
      {
        id: 'target-half-done',
        severity: 'blocker',
        code: 'TARGET_NOT_EMPTY',
        found: `the target holds a run that did not finish: from ${unfinishedRun.source}, begun ${unfinishedRun.startedAt}, ended in the stage “${unfinishedRun.stage}”`,
        mend: 'Start over, which drops what is in the target database: hyperferry migrate --clean-target …',
      },
    ];
  }
  const objects = content.filter(({ name }) => name !== '_hyperferry');
  if (objects.length > 0) {
    const shown = objects.slice(0, NAMES_SHOWN).map(({ kind, name }) => `${kind} ${name}`);
    const more = objects.length > NAMES_SHOWN ? `, and ${objects.length - NAMES_SHOWN} more` : '';
    return [
      {
        id: 'target-not-empty',
        severity: 'blocker',
        code: 'TARGET_NOT_EMPTY',
        found: `expected an empty target database, but ${target.server.database} holds ${shown.join(', ')}${more}`,
        mend: 'Name an empty database as --target, or drop what is in it with --clean-target.',
      },
    ];
  }
  return targetIsRestoring
    ? [
        {
          id: 'target-restoring',
          severity: 'blocker',
          code: 'TARGET_NOT_EMPTY',
          found: 'the target database is in restore mode: somebody else restores into it, or left it so',
          mend: 'SELECT timescaledb_post_restore(); on the target, when no restore is under way.',
        },
      ]
    : [];
};
