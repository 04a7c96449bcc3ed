import type { DumpStageName, Emit, StageName } from './events.js';

/** Runs a stage, and tells of its begin and its end. */
export async function tellStage<T>(
  { emit, signal }: { readonly emit: Emit; readonly signal: AbortSignal },
  stage: StageName | DumpStageName,
  work: () => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const begun = performance.now();
  emit({ type: 'stage-started', stage });
  const value = await work();
  emit({ type: 'stage-finished', stage, seconds: secondsSince(begun) });
  return value;
}

/** To the millisecond. */
export function secondsSince(begun: number): number {
  return Math.round(performance.now() - begun) / 1000;
}
