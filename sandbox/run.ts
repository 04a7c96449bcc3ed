import { execa } from 'execa';
import { SandboxError } from './sandbox-error.js';

export interface RunOptions {
  readonly cwd?: string;
  /** The whole environment of the program; without it, the caller's own. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs a program to its end and returns what it wrote to stdout, without the last newline.
 *
 * @throws SandboxError `PROGRAM_FAILED`, with the program's stderr in the message.
 */
export async function run(
  program: string,
  args: readonly string[],
  { cwd = '/', env }: RunOptions = {},
): Promise<string> {
  const result = await execa(program, args, {
    cwd,
    reject: false,
    stdin: 'ignore',
    ...(env === undefined ? {} : { env, extendEnv: false }),
  });
  if (result.exitCode === 0) return result.stdout;
  const came = result.exitCode === undefined ? result.shortMessage : `it exited with ${result.exitCode}`;
  const said = [result.stderr, result.stdout].find((text) => text?.trim());
  throw new SandboxError(
    'PROGRAM_FAILED',
    `Expected ${program} ${args.join(' ')} to succeed, but ${came}${said ? `:\n${said.trim()}` : ''}`,
    { cause: result },
  );
}
