import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Runs `work` with the descriptor of a file that holds the text and has no name: a program that inherits it reads it as
 * `/dev/fd/N`, nobody else finds it, and it is gone with the last process that has it open, however that ends.
 * A pipe would leave no bytes on any disk, but Node gives a program sockets for pipes, and `/dev/fd` opens no socket.
 */
export async function withPrivateFile<T>(text: string, work: (descriptor: number) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'hyperferry-'));
  const descriptor = openSync(join(folder, 'private'), 'wx+', 0o600);
  rmSync(folder, { recursive: true });
  try {
    // At a position, so that a program that shares the descriptor's offset reads from the beginning.
    writeSync(descriptor, text, 0);
    return await work(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
