import type { Reporter, SerializedError, TestCase, TestModule } from 'vitest/node';

/**
 * Says last, after all that others print, which tests were skipped and why, and on the very last line how many
 * passed, failed and were skipped. A file that does not load, a hook that
 * fails, and an error outside of any test each count as a failure.
 */
export default class TotalsReporter implements Reporter {
  #lines: readonly string[] = ['0 passed, 1 failed'];

  onInit(): void {
    process.once('exit', () => process.stdout.write(`\n${this.#lines.join('\n')}\n`));
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const inState = (wanted: string): TestCase[] => tests.filter((test) => test.result().state === wanted);
    const skipped = inState('skipped');
    const groups = modules.flatMap((module) => [module, ...module.children.allSuites()]);
    const broken = groups.filter((group) => group.errors().length > 0).length + errors.length;
    const totals = [`${inState('passed').length} passed`, `${inState('failed').length + broken} failed`];
    if (skipped.length > 0) totals.push(`${skipped.length} skipped`);
    this.#lines = [...skippedLines(skipped), totals.join(', ')];
  }
}

/** A line for each file and reason. The reason stands in the name of the test or of its suite: `(skipped: reason)`. */
function skippedLines(skipped: readonly TestCase[]): string[] {
  const counts = new Map<string, number>();
  for (const test of skipped) {
    const reason = /\(skipped: (.*?)\)/.exec(test.fullName)?.[1] ?? test.fullName;
    const line = `${test.module.relativeModuleId}: ${reason}`;
    counts.set(line, (counts.get(line) ?? 0) + 1);
  }
  const lines = [...counts].map(([line, count]) => `  ${count} skipped in ${line}`);
  return lines.length > 0 ? ['Skipped tests:', ...lines] : [];
}
