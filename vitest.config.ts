import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 300_000,
    maxWorkers: 2,
    reporters: ['default', './test/reporter.ts'],
    globalSetup: ['test/integration/global-setup.ts'],
  },
});
