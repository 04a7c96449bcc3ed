import type { CopyMessage } from './copy-command.js';
import { CopyIn } from './copy-in.js';
import { CopyOut } from './copy-out.js';
import { HyperferryError } from './error.js';
import type { Session } from './session.js';

/** What one COPY carried. */
export interface Copied {
  /** Rows that the source sent. */
  readonly sent: number;
  /** Rows that the target took: fewer where a trigger skips some. */
  readonly received: number;
  /** Bytes of CopyData messages, their headers included. */
  readonly bytes: number;
}

/** How the COPYs of a message ended. */
export type Relayed =
  | { readonly state: 'copied'; readonly copies: readonly Copied[] }
  | {
      readonly state: 'failed';
      readonly error: unknown;
      /** The COPY that failed, or undefined when it was a statement before or behind them. */
      readonly copy: number | undefined;
    };

/**
 * Carries the rows of each `COPY … TO STDOUT` on one session into the `COPY … FROM STDIN` of the same place on
 * another, in one message to each side: between two relations, nobody waits for an answer.
 *
 * CopyData and CopyDone messages have the same bytes in both directions, so they go from socket to socket as they
 * come, in whatever pieces they come: no row is decoded, and no more than one socket read is held in memory, whatever
 * a row's size. A server reads the rows that come early when it gets to their COPY, and drops them after an error.
 * Source: https://www.postgresql.org/docs/current/protocol-message-formats.html
 *
 * @returns for a failure, the error of the side that failed. The other side is left so that its transaction cannot
 *   commit what did not come whole: a source whose rows nobody takes, and a target that got part of a message, are
 *   disconnected.
 */
export async function relayCopies(
  source: Session,
  copyOut: CopyMessage,
  target: Session,
  copyIn: CopyMessage,
): Promise<Relayed> {
  const input = new CopyIn(copyIn, target);
  const output = new CopyOut(copyOut, source, input);
  try {
    target.submit(input);
    await input.begun;
    source.submit(output);
    const sent = await Promise.race([output.finished, input.finished.then(endedBeforeSource)]);
    input.end();
    const received = await input.finished;
    const copies = sent.map((rows, index) => ({
      sent: rows,
      received: received[index] ?? 0,
      bytes: output.bytes[index] ?? 0,
    }));
    return { state: 'copied', copies };
  } catch (error) {
    if (output.isRunning) source.destroy();
    // What comes after a part of a message, a ROLLBACK too, the server takes for the rest of it.
    if (output.endedInsideMessage) target.destroy();
    else if (input.isRunning) input.fail();
    await Promise.allSettled([input.finished]);
    return { state: 'failed', error, copy: (error === input.error ? input : output).copyInHand };
  }
}

function endedBeforeSource(): never {
  throw new HyperferryError('INTERNAL', 'the target ended its COPYs before the source');
}
