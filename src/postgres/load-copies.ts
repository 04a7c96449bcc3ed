import type { CopyMessage } from './copy-command.js';
import { CopyIn } from './copy-in.js';
import { Ending } from './ending.js';
import type { Session } from './session.js';

/** Opens rows as `COPY` takes them when their turn comes: pieces that may begin and end anywhere. */
export type CopyContent = () => AsyncIterable<Buffer> | Promise<AsyncIterable<Buffer>>;

/** How the COPYs of a message ended. */
export type Loaded =
  | {
      readonly state: 'loaded';
      readonly copies: readonly { readonly rows: number; readonly bytes: number }[];
    }
  | {
      readonly state: 'failed';
      readonly error: unknown;
      /** The COPY that failed, or undefined when it was a statement before or behind them. */
      readonly copy: number | undefined;
    };

const COPY_DATA = 0x64; // 'd'
const COPY_DONE = Buffer.from([0x63, 0, 0, 0, 4]);

/**
 * Sends content into the `COPY … FROM STDIN` of the same place, in one message. Content that fails on its way fails the
 * transaction of the session.
 */
export async function loadCopies(
  target: Session,
  message: CopyMessage,
  contents: readonly CopyContent[],
): Promise<Loaded> {
  const input = new CopyIn(message, target);
  let inHand = 0;
  try {
    target.submit(input);
    await input.begun;
    const bytes: number[] = [];
    // What several small COPYs take goes out together.
    input.cork();
    try {
      for (const content of contents) {
        if (inHand > 0) input.write(COPY_DONE);
        bytes.push(await send(await content(), input));
        inHand++;
      }
    } finally {
      input.uncork();
    }
    input.end();
    const rows = await input.finished;
    return {
      state: 'loaded',
      copies: rows.map((count, index) => ({ rows: count, bytes: bytes[index] ?? 0 })),
    };
  } catch (error) {
    // The server's refusal comes while content is sent that it does not read any more.
    if (input.isRunning) {
      input.fail();
      await Promise.allSettled([input.finished]);
      return { state: 'failed', error, copy: inHand };
    }
    return { state: 'failed', error: input.error ?? error, copy: input.copyInHand };
  }
}

/**
 * @param input gathers what is written, until that is enough to wait for the server
 * @returns bytes, without the headers of messages
 */
async function send(content: AsyncIterable<Buffer>, input: CopyIn): Promise<number> {
  const ending = new Ending(input.finished);
  let bytes = 0;
  for await (const piece of content) {
    if (!input.isRunning) break;
    bytes += piece.length;
    const header = Buffer.allocUnsafe(5);
    header.writeUInt8(COPY_DATA);
    header.writeUInt32BE(piece.length + 4, 1);
    input.write(header);
    if (input.write(piece)) continue;
    input.uncork();
    await ending.orWhen((resume) => input.whenDrained(resume));
    input.cork();
  }
  if (!input.isRunning) throw input.error ?? new Error('the target ended its COPYs early');
  return bytes;
}
