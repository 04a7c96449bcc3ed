import type { Readable, Writable } from 'node:stream';

/** Something that turns what is written into it into what can be read from it. */
export interface Conversion {
  readonly input: Writable;
  readonly output: Readable;
  /** Resolves once it has ended well, and rejects with an error that says what it had against its input. */
  finished(): Promise<void>;
  /** Ends it in the middle. */
  stop(): void;
}

/** What comes out of a conversion. Throws what the conversion says, rather than how its stream ended. */
export async function* outputOf({ output, finished }: Conversion): AsyncGenerator<Buffer> {
  const pieces = output[Symbol.asyncIterator]();
  for (;;) {
    const next = await pieces.next().catch(async (error: unknown) => {
      await finished();
      throw error;
    });
    if (next.done) break;
    yield next.value as Buffer;
  }
  await finished();
}
