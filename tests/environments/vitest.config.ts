import { defineConfig } from 'vitest/config';

/** What each worker is given in each place it runs. */
export default defineConfig({
  test: { name: 'environments', root: import.meta.dirname, include: ['*.test.ts'], maxConcurrency: 2, testTimeout: 120_000 },
});
