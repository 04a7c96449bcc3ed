import type { WriteStream } from 'node:tty';
import type { Event } from '../engine/events.js';
import type { Outcome } from '../migrate/outcome.js';
import type { Renderer } from './renderer.js';
import { countOf, formatBytes, formatSeconds } from './units.js';

const PROGRESS_MILLISECONDS = 100;
const LEFT_OUT_SHOWN = 20;

/** For people: a line a stage, a progress line while rows are copied where the stream is a terminal, a summary. */
export function terminalRenderer(stream: NodeJS.WritableStream & Partial<WriteStream>): Renderer {
  const isTerminal = stream.isTTY === true;
  const progress = { bytes: 0, planned: 0, rows: 0, begun: 0, shownAt: 0, isShown: false };

  const clearProgress = (): void => {
    if (progress.isShown) stream.write('\r\u001b[K');
    progress.isShown = false;
  };
  const line = (text: string): void => {
    clearProgress();
    stream.write(`${text}\n`);
  };
  const showProgress = (): void => {
    const now = performance.now();
    if (!isTerminal || now - progress.shownAt < PROGRESS_MILLISECONDS) return;
    progress.shownAt = now;
    const share = progress.planned === 0 ? 1 : progress.bytes / progress.planned;
    const speed = progress.bytes / Math.max(0.001, (now - progress.begun) / 1000);
    const text = `  ${Math.floor(share * 100)} %, ${formatBytes(progress.bytes)} of ${formatBytes(progress.planned)}, ${countOf(progress.rows, 'row')}, ${formatBytes(speed)}/s`;
    stream.write(`\r\u001b[K${text.slice(0, (stream.columns ?? 80) - 1)}`);
    progress.isShown = true;
  };

  return {
    show(event: Event) {
      switch (event.type) {
        case 'stage-finished':
          line(`  ${event.stage.padEnd(24)}${formatSeconds(event.seconds).padStart(12)}`);
          break;
        case 'rows-planned':
          Object.assign(progress, { planned: event.bytes, begun: performance.now() });
          break;
        case 'relation-copied':
          progress.bytes += event.sourceBytes;
          progress.rows += event.rows;
          showProgress();
          break;
        case 'notice':
          line(`  note: ${event.message}`);
          break;
        case 'left-out': // told in the summary
        case 'stage-started':
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

/** The summary of a run, for people. */
function summaryLines(outcome: Outcome): string[] {
  const what = [
    countOf(outcome.relations, 'relation'),
    countOf(outcome.chunks, 'chunk'),
    countOf(outcome.rows, 'row'),
    formatBytes(outcome.bytes),
  ].join(', ');
  const lines = [
    '',
    `Moved ${outcome.source}`,
    `   to ${outcome.target}`,
    `      ${what} in ${formatSeconds(outcome.seconds)}`,
  ];
  const { verification } = outcome;
  if (verification?.equal) {
    lines.push(
      `      proven equal: ${verification.mode} of ${countOf(verification.relations.compared, 'relation')} and ${countOf(verification.objects.compared, 'definition')}`,
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
