import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { HyperferryError } from '../error.js';
import { programEnvironment } from '../program-environment.js';
import type { Conversion } from './conversion.js';

/**
 * Compresses or decompresses by the program of the algorithm. Node.js 20 has neither in its zlib, and of the packages
 * none does it well for both: they take and give whole buffers (lz4-napi, @toondepauw/node-zstd), where pg_dump writes
 * a table of any size as one frame, or bring binaries of one maintainer. The programs stream in little memory, each on
 * a core of its own, and write a checksum into each frame. Starting one takes some milliseconds, which is why
 * data-file.ts does not for small content.
 */
export function startCompressionProgram(
  program: 'lz4' | 'zstd',
  task: { compress: true; level: number | undefined } | { compress: false },
): Conversion {
  const parameters = task.compress ? ['-c', '-q', ...LEVEL[program](task.level)] : ['-d', '-c', '-q'];
  const child = spawn(program, parameters, { env: programEnvironment(), stdio: ['pipe', 'pipe', 'pipe'] });
  const complaints: Buffer[] = [];
  child.stderr.on('data', (piece: Buffer) => complaints.push(piece));
  // It says by its exit status and on stderr why it takes no more.
  child.stdin.on('error', () => {});
  const ended = once(child, 'close') as Promise<[code: number | null, signal: string | null]>;
  ended.catch(() => {}); // looked at in finished(), which does not come after a failure of another kind
  return {
    input: child.stdin,
    output: child.stdout,
    async finished() {
      const [code, signal] = await ended.catch((error: Error) => {
        throw missing(program, error);
      });
      if (code === 0) return;
      const said = Buffer.concat(complaints).toString('utf8').trim();
      throw new Error(said || `${program} ended with ${signal ?? `exit status ${code}`}`);
    },
    stop() {
      child.stdin.destroy();
      child.stdout.destroy();
      child.kill();
    },
  };
}

/**
 * Finds out, before anything is written or read, whether the program for an algorithm is there.
 * @throws HyperferryError `CLIENT_PROGRAM`
 */
export async function expectCompressionProgram(program: 'lz4' | 'zstd'): Promise<void> {
  const child = spawn(program, ['--version'], { env: programEnvironment(), stdio: 'ignore' });
  try {
    await once(child, 'close');
  } catch (error) {
    throw missing(program, error);
  }
}

const LEVEL: Readonly<Record<'lz4' | 'zstd', (level: number | undefined) => string[]>> = {
  // The library's levels 0 and below are its fast mode, which is the program's level 1.
  lz4: (level = 0) => [`-${Math.max(level, 1)}`],
  zstd: (level) => {
    // One thread each, since several files are written at once.
    if (level === undefined || level === 0) return ['-T1'];
    if (level < 0) return ['-T1', `--fast=${-level}`];
    return ['-T1', ...(level > 19 ? ['--ultra'] : []), `-${level}`];
  },
};

function missing(program: 'lz4' | 'zstd', cause: unknown): HyperferryError {
  const isThere = (cause as NodeJS.ErrnoException).code !== 'ENOENT';
  return new HyperferryError(
    'CLIENT_PROGRAM',
    isThere
      ? `the program ${program} cannot be run: ${(cause as Error).message}`
      : `expected the program ${program} in a folder of PATH, for files that it compresses; found none`,
    { hint: `Install it (on Debian: apt install ${program}), or dump with --compress=gzip.`, cause },
  );
}
