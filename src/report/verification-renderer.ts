import type { WriteStream } from 'node:tty';
import type { Event } from '../engine/events.js';
import type { HyperferryError } from '../postgres/error.js';
import type { Verification } from '../verify/verification.js';
import { jsonLinesRenderer } from './json-lines.js';
import { terminalRenderer } from './terminal.js';
import { countOf, formatBytes } from './units.js';
import { verificationLines } from './verification-lines.js';

/** Shows a comparison while it runs, and what it found. Writes to stderr alone. */
export interface VerificationRenderer {
  show(event: Event): void;
  finished(verification: Verification): void;
  failed(error: HyperferryError): void;
}

const PROGRESS_MILLISECONDS = 100;

/** For people: a progress line where the stream is a terminal, and the differences. */
export function verificationTerminal(
  stream: NodeJS.WritableStream & Partial<WriteStream>,
): VerificationRenderer {
  const isTerminal = stream.isTTY === true;
  const progress = { bytes: 0, planned: 0, rows: 0, shownAt: 0, isShown: false };
  const clear = (): void => {
    if (progress.isShown) stream.write('\r\u001b[K');
    progress.isShown = false;
  };
  return {
    show(event) {
      if (event.type === 'verify-planned') progress.planned = event.bytes;
      if (event.type !== 'relation-verified') return;
      progress.bytes += event.sourceBytes;
      progress.rows += event.sourceRows;
      const now = performance.now();
      if (!isTerminal || now - progress.shownAt < PROGRESS_MILLISECONDS) return;
      progress.shownAt = now;
      const share = progress.planned === 0 ? 1 : progress.bytes / progress.planned;
      const text = `  ${Math.floor(share * 100)} %, ${formatBytes(progress.bytes)} of ${formatBytes(progress.planned)}, ${countOf(progress.rows, 'row')} compared`;
      stream.write(`\r\u001b[K${text.slice(0, (stream.columns ?? 80) - 1)}`);
      progress.isShown = true;
    },
    finished(verification) {
      clear();
      for (const line of verificationLines(verification)) stream.write(`${line}\n`);
    },
    failed(error) {
      clear();
      terminalRenderer(stream).failed(error);
    },
  };
}

/** For machines: each event a JSON object on a line of its own. */
export function verificationJsonLines(): VerificationRenderer {
  const { show, failed } = jsonLinesRenderer();
  return {
    show,
    failed,
    finished({ source, target, mode, equal, rows, relations, logical, objects, seconds }) {
      show({
        type: 'verified',
        source,
        target,
        mode,
        equal,
        rows,
        relations: relations.compared,
        differences: relations.different.length + objects.different.length + (logical?.different.length ?? 0),
        seconds,
      });
    },
  };
}
