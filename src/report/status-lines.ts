import type { RunStatus, StageStatus } from '../engine/status.js';
import { commandOf } from '../inventory/recorded-run.js';
import { printable } from './printable.js';
import { countOf, formatBytes, formatCount, formatSeconds } from './units.js';

const TITLES = { migrate: 'Migration', restore: 'Restore' };

/** How far a run is, for people. */
export function statusLines(status: RunStatus): string[] {
  const { source, attempt, startedAt, attemptStartedAt, stages, copied, workers, leftOut } = status;
  return [
    `${TITLES[commandOf(status)]} from ${source}: ${stateText(status)}`,
    `  begun ${startedAt}${attempt > 1 ? `, attempt ${attempt} begun ${attemptStartedAt}` : ''}`,
    ...stages.map(stageLine),
    `  ${countOf(copied.relations, 'relation')} copied, ${countOf(copied.rows, 'row')}, ${formatBytes(copied.bytes)}`,
    ...(status.state === 'under way' ? [`  ${countOf(workers, 'worker')} at work`] : []),
    ...(leftOut.length > 0 ? [`  ${countOf(leftOut.length, 'object')} left out, which --json names`] : []),
    ...adviceLines(status),
  ].map(printable);
}

function stateText({ state, stage, error }: RunStatus): string {
  switch (state) {
    case 'under way':
      return `under way, in the stage “${stage}”`;
    case 'stopped':
      return `stopped in the stage “${stage}”: ${error ?? 'no reason given'}`;
    case 'died':
      return `ended without a word in the stage “${stage}”`;
    case 'done':
      return 'complete';
  }
}

function stageLine({ name, isFinished, seconds, tasks }: StageStatus): string {
  const count = tasks ? `${formatCount(tasks.done)} of ${countOf(tasks.total, 'task')}` : '';
  const time = seconds === null ? '' : formatSeconds(Math.max(0, seconds));
  return `  ${isFinished ? '✓' : '…'} ${name.padEnd(24)}${time.padStart(12)}  ${count}`.trimEnd();
}

function adviceLines({ state, source }: RunStatus): string[] {
  if (state !== 'stopped' && state !== 'died') return [];
  const command = `hyperferry ${commandOf({ source })}`;
  return [
    '',
    `Go on where it stopped: ${command} --resume …, with the flags of the first command`,
    `Start over: ${command} --clean-target …, which drops what is in the target database`,
  ];
}
