import type { Event } from '../engine/events.js';
import type { HyperferryError } from '../postgres/error.js';
import type { Verification } from '../verify/verification.js';
import { jsonLinesRenderer } from './json-lines.js';
import { printableLines } from './printable.js';
import { ProgressLine, type TextStream } from './progress-line.js';
import { terminalRenderer } from './terminal.js';
import { verificationLines } from './verification-lines.js';

/** Shows a comparison while it runs, and what it found. Writes to stderr alone. */
export interface VerificationRenderer {
  show(event: Event): void;
  finished(verification: Verification): void;
  failed(error: HyperferryError): void;
}

/** For people: a progress line where the stream is a terminal, and the differences. */
export function verificationTerminal(stream: TextStream): VerificationRenderer {
  const progress = new ProgressLine(stream);
  return {
    show(event) {
      if (event.type === 'verify-planned') progress.begin(event.bytes);
      if (event.type === 'relation-verified') {
        progress.advance(event.sourceBytes, event.sourceRows, () => ' compared');
      }
    },
    finished(verification) {
      progress.clear();
      for (const line of verificationLines(verification)) stream.write(`${printableLines(line)}\n`);
    },
    failed(error) {
      progress.clear();
      terminalRenderer(stream).failed(error);
    },
  };
}

/** For machines: each event a JSON object on a line of its own; the last one tells what was found. */
export function verificationJsonLines(): VerificationRenderer {
  const { show, failed } = jsonLinesRenderer();
  return { show, failed, finished: () => undefined };
}
