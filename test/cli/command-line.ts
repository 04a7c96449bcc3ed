import { fileURLToPath } from 'node:url';
import { execa, type ResultPromise } from 'execa';

const PACKAGE = fileURLToPath(new URL('../../', import.meta.url));

const OPTIONS = { cwd: PACKAGE, reject: false, stdin: 'ignore' } as const;

export interface Ended {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts the command line in a process of its own, without a terminal. */
export function startHyperferry(
  parameters: readonly string[],
  environment: Record<string, string> = {},
): ResultPromise<typeof OPTIONS> {
  return execa(process.execPath, ['--import', 'tsx', 'src/cli/main.ts', ...parameters], {
    ...OPTIONS,
    // A caller's own databases are none of these tests' business.
    env: { SOURCE: '', TARGET: '', PGPASSWORD: '', ...environment },
  }) as ResultPromise<typeof OPTIONS>;
}

/** Runs the command line in a shell, with something behind it that takes its stdout. */
export async function hyperferryInShell(parameters: readonly string[], behind: string): Promise<Ended> {
  const line = `"$0" --import tsx src/cli/main.ts "$@" ${behind}; exit "\${PIPESTATUS[0]}"`;
  const { exitCode, stdout, stderr } = await execa(
    'bash',
    ['-c', line, process.execPath, ...parameters],
    OPTIONS,
  );
  return { exitCode, stdout, stderr };
}

/** Runs the command line to its end. */
export async function hyperferry(
  parameters: readonly string[],
  environment: Record<string, string> = {},
): Promise<Ended> {
  const { exitCode, stdout, stderr } = await startHyperferry(parameters, environment);
  return { exitCode, stdout, stderr };
}
