import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** What npm users get: the packed package, in projects of their own. */
export default defineConfig({
  test: {
    name: 'package',
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include: ['tests/package/*.test.ts'],
    globalSetup: ['tests/package/packed.ts'],
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
