import { readContent } from '../inventory/content.js';
import { readUnfinishedRun } from '../inventory/unfinished-run.js';
import { isInRestoreMode } from '../timescale/timescale.js';
import { type Check, nameSome } from './finding.js';

/** Rows and definitions can only be proven equal where nothing else stands. */
export const targetContent: Check = async ({ target, options }) => {
  if (options.cleanTarget) return [];
  const run = await readUnfinishedRun(target.session);
  if (run) {
    return [
      {
        id: 'target-half-done',
        severity: 'blocker',
        code: 'TARGET_NOT_EMPTY',
        found: `the target holds a run that did not finish: from ${run.source}, begun ${run.startedAt}, ended in the stage “${run.stage}”`,
        objects: [],
        why: 'What it holds is neither empty nor whole.',
        mend: 'Start over, which drops what is in the target database: hyperferry migrate --clean-target …',
      },
    ];
  }
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
  if (!(await isInRestoreMode(target.session))) return [];
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
};
