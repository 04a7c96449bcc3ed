import { execa } from 'execa';
import { cleanEnvironment } from '../clean-environment.js';
import { measureProcess } from '../measure.js';
import type { Contender } from './contender.js';

export interface Workers {
  readonly jobs: number;
  readonly processes: number;
}

/** The command line as built, as a user runs it. */
export function hyperferry(verify: 'none' | 'checksums', { jobs, processes }: Workers): Contender {
  const shown = ['--verify', verify, '--jobs', String(jobs)];
  if (processes > 1) shown.push('--processes', String(processes));
  return {
    name: `hyperferry migrate ${shown.join(' ')}`,
    isPeer: false,
    prepare:
      async ({ source, target, programs }) =>
      async () => {
        const run = execa(
          process.execPath,
          ['dist/src/cli/main.js', 'migrate', ...shown, '--pg-bin', programs],
          {
            ...cleanEnvironment(programs, { SOURCE: source, TARGET: target }),
            stdin: 'ignore',
            stdout: 'ignore',
          },
        );
        const usage = measureProcess(
          run.pid ?? 0,
          run.catch(() => undefined),
        );
        await run;
        return usage;
      },
  };
}
