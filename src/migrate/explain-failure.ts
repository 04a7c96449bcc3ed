import { commandOf } from '../inventory/recorded-run.js';
import { databaseError } from '../postgres/database-error.js';
import { HyperferryError } from '../postgres/error.js';
import { ownError } from '../postgres/own-error.js';
import type { Run } from './run.js';

/** Says what state both sides are in, and what to do. */
export function explainFailure(error: unknown, run: Run): HyperferryError {
  const failure = failureOf(error, run);
  const target = isTargetGone(failure)
    ? ['The target database is gone, and with it what was copied: begin anew, without --resume.']
    : targetState(run, failure.isFinal);
  const hints = [failure.hint, sourceState(run), notFound(failure, run), ...target].filter(
    (line) => line !== undefined,
  );
  return new HyperferryError(failure.code, failure.message, {
    cause: failure.cause ?? failure,
    isFinal: failure.isFinal,
    ...(hints.length > 0 ? { hint: hints.join('\n') } : {}),
  });
}

/** What ended the run, as Hyperferry's own error. */
export function failureOf(error: unknown, { signal }: Pick<Run, 'signal'>): HyperferryError {
  if (signal.aborted) return new HyperferryError('INTERRUPTED', 'interrupted', { cause: error });
  return ownError(error);
}

function sourceState({ state }: Run): string | undefined {
  return state.updatedSourceTo && `TimescaleDB on the source was updated to ${state.updatedSourceTo}.`;
}

const UNDEFINED_DATABASE = '3D000';

/** Dropped in the middle of the run. */
function isTargetGone({ cause }: HyperferryError): boolean {
  const refusal = databaseError(cause);
  return refusal?.code === UNDEFINED_DATABASE && refusal.side === 'target';
}

const UNDEFINED_TABLE = '42P01';
const UNDEFINED_FUNCTION = '42883';

/** What is not there for a function is mostly in a schema that it leaves to the `search_path`. */
function notFound({ cause }: HyperferryError, { isResumed }: Run): string | undefined {
  const refusal = databaseError(cause);
  if (refusal?.side !== 'target') return undefined;
  const { code, where } = refusal;
  if (code !== UNDEFINED_TABLE && code !== UNDEFINED_FUNCTION) return undefined;
  if (where && /\bfunction\b/.test(where)) {
    const [innermost] = where.split('\n');
    return `${innermost}: if the name is left to the search_path, set that on the source: ALTER FUNCTION … SET search_path = …; or ALTER DATABASE … SET search_path = …;`;
  }
  // What stands by the ledger no attempt makes again.
  return isResumed && code === UNDEFINED_TABLE
    ? 'If an earlier attempt has made it, somebody has dropped it on the target since, and only to start over makes it again.'
    : undefined;
}

function targetState({ state, options, source }: Run, isFinal: boolean): string[] {
  switch (state.target) {
    case 'unchanged':
      return [];
    case 'half done':
      return [
        `The target is half done${state.isRestoring ? ' and stays in restore mode' : ''}.`,
        ...(state.hasLedger && !isFinal ? ['Go on where it stopped: the same command with --resume.'] : []),
        options.content === 'rows'
          ? 'Start over: --schema-only with --clean-target, which drops what is in the target database, then --data-only.'
          : 'Start over: the same command with --clean-target, which drops what is in the target database.',
      ];
    case 'done':
      return [
        `The ${commandOf({ source: source.name }) === 'restore' ? 'restore' : 'migration'} itself is complete, and the target out of restore mode.`,
      ];
  }
}
