import { execa } from 'execa';
import type { cleanEnvironment } from './clean-environment.js';
import { measureProcess, type Usage } from './measure.js';

/** Runs a program to its end, and looks at what it uses. */
export async function runMeasured(
  program: string,
  parameters: readonly string[],
  environment: ReturnType<typeof cleanEnvironment>,
): Promise<Usage> {
  const run = execa(program, parameters, { ...environment, stdin: 'ignore', stdout: 'ignore' });
  const usage = measureProcess(
    run.pid ?? 0,
    run.catch(() => undefined),
  );
  await run;
  return usage;
}

/** What programs used that ran one after the other. */
export function inTurn(usages: readonly Usage[]): Usage {
  return {
    cpuSeconds: usages.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
    peakBytes: Math.max(...usages.map(({ peakBytes }) => peakBytes)),
  };
}
