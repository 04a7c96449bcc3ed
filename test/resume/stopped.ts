import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'vitest';
import {
  type Event,
  HyperferryError,
  type MigrateOptions,
  migrate,
  type StageName,
} from '../../src/index.js';
import type { Databases } from '../integration/databases.js';

/** Runs a migration that is interrupted at an event, as by the first SIGINT. */
export async function stopAt(
  databases: Databases,
  isTheMoment: (event: Event) => boolean,
  options: Partial<MigrateOptions> = {},
): Promise<void> {
  const interruption = new AbortController();
  const end = await migrate({
    ...databases,
    jobs: 2,
    ...options,
    signal: interruption.signal,
    onEvent: (event) => {
      if (isTheMoment(event)) interruption.abort();
    },
  }).then(
    () => 'the migration was done before the moment came',
    (error: unknown) => error,
  );
  expect(end).toBeInstanceOf(HyperferryError);
  expect((end as HyperferryError).code).toBe('INTERRUPTED');
}

/** The beginning of a stage. */
export function beginOf(stage: StageName): (event: Event) => boolean {
  return (event) => event.type === 'stage-started' && event.stage === stage;
}

/** A listener that acts when a stage begins; the run waits for it, since it does not return before. */
export function onStage(stage: StageName, act: () => void): (event: Event) => void {
  let hasActed = false;
  return (event) => {
    if (hasActed || !beginOf(stage)(event)) return;
    hasActed = true;
    act();
  };
}

/** Runs SQL in a process of its own while this one waits. */
export function runAtOnce(programs: string, url: string, sql: string): void {
  execFileSync(join(programs, 'psql'), ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', '-', url], {
    stdio: ['pipe', 'ignore', 'pipe'],
    input: sql,
  });
}
