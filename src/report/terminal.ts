import type { Event } from '../engine/events.js';
import { commandOf } from '../inventory/recorded-run.js';
import type { Outcome, Resumed } from '../migrate/outcome.js';
import { printableLines } from './printable.js';
import { ProgressLine, type TextStream } from './progress-line.js';
import type { Renderer } from './renderer.js';
import { countOf, formatBytes, formatSeconds } from './units.js';

const LEFT_OUT_SHOWN = 20;

/** For people: a line a stage, a progress line while rows are copied where the stream is a terminal, a summary. */
export function terminalRenderer(stream: TextStream): Renderer {
  const progress = new ProgressLine(stream);
  let done = 'compared';
  const line = (text: string): void => {
    progress.clear();
    stream.write(`${printableLines(text)}\n`);
  };

  return {
    show(event: Event) {
      switch (event.type) {
        case 'stage-finished':
          line(`  ${event.stage.padEnd(24)}${formatSeconds(event.seconds).padStart(12)}`);
          break;
        case 'rows-planned':
          progress.begin(event.bytes);
          break;
        case 'relation-copied':
          progress.advance(event.sourceBytes, event.rows, (speed) => `, ${formatBytes(speed)}/s`);
          break;
        case 'verify-planned':
          progress.begin(event.bytes);
          break;
        case 'relation-verified':
          progress.advance(event.sourceBytes, event.sourceRows, () => ` ${done}`);
          break;
        case 'notice':
          line(`  note: ${event.message}`);
          break;
        case 'retry':
          line(
            `  trying again${event.seconds > 0 ? ` in ${formatSeconds(event.seconds)}` : ''}: ${event.reason}`,
          );
          break;
        case 'resumed':
          for (const text of resumedLines(event)) line(`  ${text}`);
          break;
        case 'stage-started':
          // A dump notes what a later comparison will need.
          done = event.stage === 'checksums' ? 'summed up' : 'compared';
          break;
        case 'left-out': // told in the summary
          break;
      }
    },
    finished(outcome) {
      for (const text of summaryLines(outcome)) line(text);
    },
    failed(error) {
      line(`error: ${error.message}`);
      for (const hint of error.hint?.split('\n') ?? []) line(`  hint: ${hint}`);
    },
  };
}

const NAMES_SHOWN = 10;

/** What an attempt goes on with, for people. */
function resumedLines({ attempt, kept, again, takenBack }: Resumed): string[] {
  const named = (title: string, names: readonly string[]): string[] => {
    if (names.length === 0) return [];
    const more = names.length - NAMES_SHOWN;
    const shown = names.slice(0, NAMES_SHOWN).join(', ');
    return [`${title} (${names.length}): ${shown}${more > 0 ? `, and ${more} more` : ''}`];
  };
  return [
    `attempt ${attempt}: ${countOf(kept.relations, 'relation')} with ${countOf(kept.rows, 'row')} are there already`,
    ...named('copied again, since they may have changed on the source', again),
    ...named('taken back, since the source has them no more, or has others', takenBack),
  ];
}

/** The summary of a run, for people. */
function summaryLines(outcome: Outcome): string[] {
  const what = [
    countOf(outcome.relations, 'relation'),
    countOf(outcome.chunks, 'chunk'),
    countOf(outcome.rows, 'row'),
    formatBytes(outcome.bytes),
  ].join(', ');
  const done = commandOf(outcome) === 'restore' ? 'Restored' : 'Moved';
  const lines = [
    '',
    `${done} ${outcome.source}`,
    `${'to'.padStart(done.length)} ${outcome.target}`,
    `      ${what} in ${formatSeconds(outcome.seconds)}`,
  ];
  const { verification } = outcome;
  if (verification?.equal) {
    const { objects } = verification;
    lines.push(
      `      proven equal: ${verification.mode} of ${countOf(verification.relations.compared, 'relation')}${objects.compared === 0 ? '' : ` and ${countOf(objects.compared, 'definition')}`}`,
    );
  }
  for (const { object, reason } of verification?.notCompared ?? []) {
    lines.push(`      not compared: ${object}: ${reason}`);
  }
  if (outcome.leftOut.length > 0) {
    lines.push('', `Left out (${outcome.leftOut.length}):`);
    lines.push(
      ...outcome.leftOut.slice(0, LEFT_OUT_SHOWN).map(({ object, reason }) => `  ${object}: ${reason}`),
    );
    const more = outcome.leftOut.length - LEFT_OUT_SHOWN;
    if (more > 0) lines.push(`  and ${more} more, which --json and --left-out FILE name`);
  }
  return lines;
}
