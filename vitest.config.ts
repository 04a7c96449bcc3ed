import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 300_000,
    maxWorkers: 2,
    // Each worker loads the sources and finds the servers once, not once a file: a third of the time.
    isolate: false,
    // A migration with several processes starts a module of its own, which is TypeScript here.
    execArgv: ['--import', 'tsx'],
    reporters: ['default', './test/reporter.ts'],
    globalSetup: ['test/integration/global-setup.ts'],
  },
});
